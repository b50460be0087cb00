# Bridge ports by which a bridged packet came in and goes out.
:CHAINS filter/FORWARD ipv4,ipv6
-m physdev ; ; FAIL missing-option
-m physdev --physdev-in eth0 --physdev-out eth1 ; = ; OK
-m physdev --physdev-is-in ; = ; OK
-m physdev --physdev-is-out ; = ; OK
-m physdev --physdev-is-bridged ; = ; OK
-m physdev ! --physdev-is-in ! --physdev-is-out ! --physdev-is-bridged ; = ; OK
-m physdev ! --physdev-in eth+ --physdev-is-in ; -m physdev --physdev-is-in ! --physdev-in eth+ ; OK
-m physdev --physdev-in 0123456789abcdef ; ; FAIL interface-name-too-long
-m physdev --physdev-in 0123456789abcde ; = ; OK
-m physdev --physdev-in + ; = ; OK
-m physdev --physdev-in "a b" ; -m physdev --physdev-in a b ; OK
-m physdev --physdev-in a/b ; = ; OK
-m physdev --physdev-in eth0 --physdev-is-in ; -m physdev --physdev-is-in --physdev-in eth0 ; OK
-m physdev --physdev-is-out --physdev-is-bridged --physdev-out vnet0 ; -m physdev --physdev-is-out --physdev-out vnet0 --physdev-is-bridged ; OK
-m physdev --physdev-is-out --physdev-is-bridged ; = ; OK
-m physdev --physdev-in eth0 --physdev-in eth1 ; ; FAIL repeated-option
:CHAINS filter/INPUT ipv4,ipv6
-m physdev --physdev-out eth0 ; = ; OK
-m physdev --physdev-is-out ; = ; OK
-m physdev --physdev-in eth0 ; = ; OK
-m physdev --physdev-is-bridged --physdev-out eth0 ; -m physdev --physdev-out eth0 --physdev-is-bridged ; OK
-m physdev ! --physdev-is-bridged ; = ; OK
:CHAINS filter/OUTPUT ipv4,ipv6
-m physdev --physdev-out eth0 ; ; FAIL wrong-hook
-m physdev --physdev-in eth0 ; = ; OK
-m physdev --physdev-is-out ; ; FAIL wrong-hook
-m physdev --physdev-is-bridged --physdev-out eth0 ; -m physdev --physdev-out eth0 --physdev-is-bridged ; OK
-m physdev --physdev-is-bridged ; = ; OK
:CHAINS mangle/POSTROUTING ipv4,ipv6
-m physdev --physdev-out eth0 ; = ; OK
-m physdev --physdev-is-out ; = ; OK
:CHAINS mangle/PREROUTING ipv4,ipv6
-m physdev --physdev-out eth0 ; = ; OK
-m physdev --physdev-is-bridged ; = ; OK
-m physdev --physdev-is-bridged --physdev-out eth0 ; -m physdev --physdev-out eth0 --physdev-is-bridged ; OK
