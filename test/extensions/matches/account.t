# -m account: a patch to iptables 1.2 and 1.3, refused since
:CHAINS filter/INPUT,FORWARD ipv4,ipv6
-m account --aaddr 192.168.0.0/24 --aname foo ; ; FAIL unknown-match
-m account --aaddr 192.168.0.0/24 --aname foo --ashort ; ; FAIL unknown-match
