"""The INKOM gateway: decides who may pass to an application, and passes the request on."""
