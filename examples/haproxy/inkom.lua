-- Asks the gateway whether a request may pass, before HAProxy forwards it (forward-auth).
-- `http-request lua.inkom` sets the variable txn.inkom_allowed and the identity headers when it may, and does nothing at
-- all when it may not or when the gateway does not answer: such a request then goes to the gateway itself (haproxy.cfg).

local ASK = "http://127.0.0.1:8000/_inkom/auth"  -- CHANGE: the gateway
local MILLISECONDS = 5000

-- About this one connection or its body, or written anew below.
local NOT_PASSED_ON = {
    ["connection"] = true, ["keep-alive"] = true, ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true,
    ["content-length"] = true, ["expect"] = true, ["proxy-connection"] = true,
    ["x-original-method"] = true, ["x-original-uri"] = true, ["x-forwarded-method"] = true, ["x-forwarded-uri"] = true,
}

-- The gateway's own cookies. On https their names begin with __Host-inkom; the other is for trying it out on localhost.
local function is_ours(pair)
    local name = pair:match("^%s*([^=]*)")
    return name:sub(1, 12) == "__Host-inkom" or name:sub(1, 15) == "inkom-localhost"
end

local function without_ours(cookies)
    local kept = {}
    for pair in cookies:gmatch("[^;]+") do
        if not is_ours(pair) then
            kept[#kept + 1] = pair
        end
    end
    return (table.concat(kept, ";"):gsub("^%s+", ""))
end

local function question(txn, received)
    local fields = {}
    for name, values in pairs(received) do
        if not NOT_PASSED_ON[name] then
            local copies = {}
            for _, value in pairs(values) do
                copies[#copies + 1] = value
            end
            fields[name] = copies
        end
    end
    fields["x-original-method"] = { txn.sf:method() }
    fields["x-original-uri"] = { txn.sf:pathq() }
    return fields
end

-- HAProxy leaves out what has no room in its buffer, and says nothing.
local function is_set(fields, identity)
    for name, value in pairs(identity) do
        local copies = fields[name]
        if copies == nil or copies[0] ~= value or copies[1] ~= nil then
            return false
        end
    end
    return true
end

core.register_action("inkom", { "http-req" }, function(txn)
    local received = txn.http:req_get_headers()
    local answer = core.httpclient():get({ url = ASK, headers = question(txn, received), timeout = MILLISECONDS })
    if answer == nil or answer.status ~= 200 then
        return
    end
    for name in pairs(received) do
        if name:match("^x[-_.]inkom") then
            txn.http:req_del_header(name)
        end
    end
    local identity = {}
    for name, values in pairs(answer.headers) do
        if name:sub(1, 8) == "x-inkom-" then
            for _, value in pairs(values) do
                identity[name] = value
                txn.http:req_set_header(name, value)
            end
        end
    end
    if not is_set(txn.http:req_get_headers(), identity) then
        core.Warning("inkom.lua: no room for the identity headers; raise tune.maxrewrite")
        return
    end
    if received["cookie"] then
        txn.http:req_del_header("cookie")
        for _, value in pairs(received["cookie"]) do
            local kept = without_ours(value)
            if kept ~= "" then
                txn.http:req_add_header("cookie", kept)
            end
        end
    end
    txn:set_var("txn.inkom_allowed", true)
end)
