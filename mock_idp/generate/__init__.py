"""`inkom-mock generate`: a large world in a database file, for load tests. Nobody in it is real.

`verb` reads the command line, `crowd` decides who exists, `stories` what each has to do with which organisation,
`births` and `names` who they are, `writing` puts it all into a file. The same seed and day give the same world.
"""
