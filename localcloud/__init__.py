"""The rehearsal's cloud: real servers and vendors' control planes on loopback addresses.

Nothing outside this package and the tests imports it. `python -m localcloud up` starts it, and
`DIR/endpoints.json` says where everything is.
"""
