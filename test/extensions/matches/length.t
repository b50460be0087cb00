# Length of the packet in bytes, from its IP header on.
:CHAINS filter/INPUT ipv4,ipv6
-m length --length 0 ; = ; OK
-m length --length 65535 ; = ; OK
-m length --length 65536 ; ; FAIL bad-value
-m length --length x ; ; FAIL bad-value
-m length --length 1:2:3 ; ; FAIL bad-value
-m length --length "" ; -m length --length 0 ; OK
-m length ! --length 5:5 ; -m length ! --length 5 ; OK
-m length ! --length : ; -m length ! --length 0:65535 ; OK
-m length --length 5:x ; ; FAIL bad-value
-m length --length x:5 ; ; FAIL bad-value
-m length --length 0x10:010 ; -m length --length 16:8 ; OK
-m length --length " 5" ; -m length --length 5 ; OK
-m length --length 5,6 ; ; FAIL bad-value
