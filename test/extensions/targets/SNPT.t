# -j SNPT: prefixes of at most 64 bits without host bits
:CHAINS mangle/PREROUTING ipv6
-j SNPT --src-pfx dead::/64 --dst-pfx 1c3::/64 ; ; FAIL wrong-hook
:CHAINS mangle/POSTROUTING ipv6
-j SNPT --src-pfx dead::/64 --dst-pfx 1c3::/64 ; = ; OK
-j SNPT --src-pfx dead::/33 --dst-pfx 1c3::/64 ; = ; OK
-j SNPT --src-pfx dead::1/64 --dst-pfx 1c3::/64 ; ; FAIL bad-prefix
:CHAINS mangle/INPUT ipv6
-j SNPT --src-pfx dead::/64 --dst-pfx 1c3::/64 ; = ; OK
:CHAINS mangle/OUTPUT ipv6
-j SNPT --src-pfx dead::/64 --dst-pfx 1c3::/64 ; ; FAIL wrong-hook
:CHAINS mangle/FORWARD ipv6
-j SNPT --src-pfx dead::/64 --dst-pfx 1c3::/64 ; ; FAIL wrong-hook
:CHAINS filter/INPUT ipv6
-j SNPT --src-pfx dead::/64 --dst-pfx 1c3::/64 ; ; FAIL wrong-table
