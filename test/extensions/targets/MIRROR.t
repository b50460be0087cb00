# -j MIRROR: iptables has not known it for long
:CHAINS filter/INPUT ipv4
-j MIRROR ; ; FAIL obsolete-target
