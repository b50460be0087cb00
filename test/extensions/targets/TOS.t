# -j TOS: names leave the two upper bits alone; the rest comes down to value and mask
:CHAINS mangle/PREROUTING ipv4,ipv6
-j TOS --set-tos 0 ; -j TOS --set-tos 0x00/0xff ; OK
-j TOS --set-tos 256 ; ; FAIL bad-value
-j TOS --set-tos 0x10/0x100 ; ; FAIL bad-value
-j TOS --set-tos 0xff/0xff ; = ; OK
-j TOS --set-tos 0x10/ ; ; FAIL bad-value
-j TOS --set-tos minimize-delay ; -j TOS --set-tos 0x10/0x3f ; OK
-j TOS --set-tos min ; ; FAIL bad-value
-j TOS --set-tos Minimize-Delay/0xff ; ; FAIL bad-value
-j TOS --set-tos foo ; ; FAIL bad-value
-j TOS --set-tos "" ; ; FAIL bad-value
-j TOS --set-tos 16 ; -j TOS --set-tos 0x10/0xff ; OK
-j TOS --set-tos 020 ; -j TOS --set-tos 0x10/0xff ; OK
-j TOS --set-tos 1/2 ; -j TOS --set-tos 0x01/0x02 ; OK
-j TOS --set-tos 3/2 ; -j TOS --set-tos 0x03/0x02 ; OK
-j TOS --and-tos 0xff ; -j TOS --set-tos 0x00/0x00 ; OK
-j TOS --and-tos 0 ; -j TOS --set-tos 0x00/0xff ; OK
-j TOS --or-tos 256 ; ; FAIL bad-value
-j TOS --and-tos foo ; ; FAIL bad-value
-j TOS --or-tos 1 --and-tos 2 ; ; FAIL excluded-option
-j TOS --set-tos 1 --and-tos 2 ; ; FAIL excluded-option
-j TOS --set-tos 1 --set-tos 2 ; ; FAIL repeated-option
-j TOS ! --set-tos 1 ; ; FAIL cannot-invert
-j TOS --set-tos -1 ; ; FAIL bad-value
-j TOS --set-tos 0x10/foo ; ; FAIL bad-value
-j TOS --set-tos 0x10/0x3f/4 ; ; FAIL bad-value
-j TOS --xor-tos 0xff ; -j TOS --set-tos 0xff/0x00 ; OK
:CHAINS filter/INPUT ipv4,ipv6
-j TOS --set-tos 1 ; ; FAIL wrong-table
