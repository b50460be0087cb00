# -j CLASSIFY: two hexadecimal numbers as sscanf(3) reads them, 16 bits each
:CHAINS mangle/POSTROUTING ipv4,ipv6
-j CLASSIFY --set-class 1:2 ; -j CLASSIFY --set-class 0001:0002 ; OK
-j CLASSIFY --set-class 0:0 ; -j CLASSIFY --set-class 0000:0000 ; OK
-j CLASSIFY --set-class ffff:FFFF ; -j CLASSIFY --set-class ffff:ffff ; OK
-j CLASSIFY --set-class 10000:1 ; -j CLASSIFY --set-class 0000:0001 ; OK
-j CLASSIFY --set-class 1:10000 ; -j CLASSIFY --set-class 0001:0000 ; OK
-j CLASSIFY --set-class 1 ; ; FAIL bad-value
-j CLASSIFY --set-class 1: ; ; FAIL bad-value
-j CLASSIFY --set-class :1 ; ; FAIL bad-value
-j CLASSIFY --set-class foo:1 ; ; FAIL bad-value
-j CLASSIFY --set-class 1:2:3 ; -j CLASSIFY --set-class 0001:0002 ; OK
-j CLASSIFY --set-class 1:2x ; -j CLASSIFY --set-class 0001:0002 ; OK
-j CLASSIFY --set-class 0x1:0x2 ; -j CLASSIFY --set-class 0001:0002 ; OK
-j CLASSIFY --set-class "" ; ; FAIL bad-value
-j CLASSIFY --set-class 1:-1 ; -j CLASSIFY --set-class 0001:ffff ; OK
-j CLASSIFY ! --set-class 1:2 ; ; FAIL cannot-invert
:CHAINS mangle/POSTROUTING ipv4
-j CLASSIFY --set-class " 1: 2" ; -j CLASSIFY --set-class 0001:0002 ; OK
-j CLASSIFY --set-class "1 :2" ; ; FAIL bad-value
-j CLASSIFY --set-class 0x:1 ; -j CLASSIFY --set-class 0000:0001 ; OK
-j CLASSIFY --set-class 100000001:2 ; -j CLASSIFY --set-class 0001:0002 ; OK
:CHAINS mangle/PREROUTING ipv4,ipv6
-j CLASSIFY --set-class 1:2 ; ; FAIL wrong-hook
:CHAINS mangle/INPUT ipv4,ipv6
-j CLASSIFY --set-class 1:2 ; ; FAIL wrong-hook
:CHAINS mangle/OUTPUT ipv4,ipv6
-j CLASSIFY --set-class 1:2 ; -j CLASSIFY --set-class 0001:0002 ; OK
:CHAINS filter/FORWARD ipv4,ipv6
-j CLASSIFY --set-class 1:2 ; -j CLASSIFY --set-class 0001:0002 ; OK
:CHAINS nat/POSTROUTING ipv4,ipv6
-j CLASSIFY --set-class 1:2 ; -j CLASSIFY --set-class 0001:0002 ; OK
