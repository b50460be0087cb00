# -j DNPT: prefixes of at most 64 bits without host bits
:CHAINS mangle/PREROUTING ipv6
-j DNPT --src-pfx dead::/64 --dst-pfx 1c3::/64 ; = ; OK
-j DNPT --src-pfx dead::/48 --dst-pfx 1c3::/64 ; = ; OK
-j DNPT --src-pfx dead::/65 --dst-pfx 1c3::/64 ; ; FAIL bad-prefix
-j DNPT --src-pfx dead::/0 --dst-pfx 1c3::/0 ; ; FAIL bad-prefix
-j DNPT --src-pfx dead::1/64 --dst-pfx 1c3::/64 ; ; FAIL bad-prefix
-j DNPT --src-pfx foo --dst-pfx 1c3::/64 ; ; FAIL bad-address
-j DNPT --dst-pfx 1c3::/64 --src-pfx dead::/64 ; -j DNPT --src-pfx dead::/64 --dst-pfx 1c3::/64 ; OK
-j DNPT ! --src-pfx dead::/64 --dst-pfx 1c3::/64 ; ; FAIL cannot-invert
-j DNPT --src-pfx dead::/129 --dst-pfx 1c3::/64 ; ; FAIL bad-mask
-j DNPT --src-pfx dead::/ffff:: --dst-pfx 1c3::/64 ; -j DNPT --src-pfx dead::/16 --dst-pfx 1c3::/64 ; OK
-j DNPT --src-pfx dead:: --dst-pfx 1c3:: ; ; FAIL bad-prefix
-j DNPT --src-pfx 1.2.3.4/24 --dst-pfx 1c3::/64 ; ; FAIL bad-address
:CHAINS mangle/POSTROUTING ipv6
-j DNPT --src-pfx dead::/64 --dst-pfx 1c3::/64 ; ; FAIL wrong-hook
:CHAINS mangle/OUTPUT ipv6
-j DNPT --src-pfx dead::/64 --dst-pfx 1c3::/64 ; = ; OK
:CHAINS raw/PREROUTING ipv6
-j DNPT --src-pfx dead::/64 --dst-pfx 1c3::/64 ; ; FAIL wrong-table
