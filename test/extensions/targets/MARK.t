# -j MARK: every spelling prints as --set-xmark; --set-mark widens the mask by the value
:CHAINS filter/INPUT ipv4,ipv6
-j MARK --set-mark 1 ; -j MARK --set-xmark 0x1/0xffffffff ; OK
-j MARK --set-mark 0x10/0xff ; -j MARK --set-xmark 0x10/0xff ; OK
-j MARK --set-mark 0x110/0xff ; -j MARK --set-xmark 0x110/0x1ff ; OK
-j MARK --set-mark 0x100/0xf0 ; -j MARK --set-xmark 0x100/0x1f0 ; OK
-j MARK --set-xmark 1 ; -j MARK --set-xmark 0x1/0xffffffff ; OK
-j MARK --set-xmark 0x110/0xff ; = ; OK
-j MARK --set-xmark 0/0 ; -j MARK --set-xmark 0x0/0x0 ; OK
-j MARK --and-mark 0xff ; -j MARK --set-xmark 0x0/0xffffff00 ; OK
-j MARK --or-mark 0xff ; -j MARK --set-xmark 0xff/0xff ; OK
-j MARK --xor-mark 0xff ; -j MARK --set-xmark 0xff/0x0 ; OK
-j MARK --set-mark 4294967295 ; -j MARK --set-xmark 0xffffffff/0xffffffff ; OK
-j MARK --set-mark 4294967296 ; ; FAIL bad-value
-j MARK --set-mark 1/4294967296 ; ; FAIL bad-value
-j MARK --set-mark 1/ ; ; FAIL bad-value
-j MARK --set-mark /1 ; ; FAIL bad-value
-j MARK --set-mark foo ; ; FAIL bad-value
-j MARK --set-mark 0x ; ; FAIL bad-value
-j MARK --set-mark 1/2/3 ; ; FAIL bad-value
-j MARK --set-mark "" ; ; FAIL bad-value
-j MARK --set-mark -1 ; ; FAIL bad-value
-j MARK --and-mark foo ; ; FAIL bad-value
-j MARK --and-mark 1/2 ; ; FAIL bad-value
-j MARK --or-mark -1 ; ; FAIL bad-value
-j MARK --xor-mark 0x1ffffffff ; ; FAIL bad-value
-j MARK --set-mark 010 ; -j MARK --set-xmark 0x8/0xffffffff ; OK
-j MARK --set-mark 1 --set-mark 2 ; ; FAIL repeated-option
-j MARK --set-mark 1 --set-xmark 2 ; ; FAIL excluded-option
-j MARK --set-xmark 1 --set-mark 2 ; ; FAIL excluded-option
-j MARK --set-mark 1 --or-mark 2 ; ; FAIL excluded-option
-j MARK --or-mark 1 --and-mark 2 ; ; FAIL excluded-option
-j MARK --and-mark 1 --or-mark 2 ; ; FAIL excluded-option
-j MARK --xor-mark 1 --or-mark 2 ; ; FAIL excluded-option
-j MARK ! --set-mark 1 ; ; FAIL cannot-invert
-j MARK ; ; FAIL missing-option
-j MARK --set-mark 0xA/0xB ; -j MARK --set-xmark 0xa/0xb ; OK
:CHAINS filter/INPUT ipv4
-j MARK --set-mark "1 " ; ; FAIL bad-value
-j MARK --set-mark " 1" ; -j MARK --set-xmark 0x1/0xffffffff ; OK
:CHAINS nat/PREROUTING ipv4
-j MARK --set-mark 1 ; -j MARK --set-xmark 0x1/0xffffffff ; OK
:CHAINS raw/PREROUTING ipv4
-j MARK --set-mark 1 ; -j MARK --set-xmark 0x1/0xffffffff ; OK
