# -j CONNMARK: set prints as --set-xmark, masks are always printed with save and restore
:CHAINS mangle/PREROUTING ipv4,ipv6
-j CONNMARK --set-mark 1 ; -j CONNMARK --set-xmark 0x1/0xffffffff ; OK
-j CONNMARK --set-mark 1/2 ; -j CONNMARK --set-xmark 0x1/0x3 ; OK
-j CONNMARK --set-mark 0x110/0xf ; -j CONNMARK --set-xmark 0x110/0x11f ; OK
-j CONNMARK --set-xmark 1 ; -j CONNMARK --set-xmark 0x1/0xffffffff ; OK
-j CONNMARK --set-xmark 1/2 ; -j CONNMARK --set-xmark 0x1/0x2 ; OK
-j CONNMARK --and-mark 0xff ; -j CONNMARK --set-xmark 0x0/0xffffff00 ; OK
-j CONNMARK --or-mark 0xff ; -j CONNMARK --set-xmark 0xff/0xff ; OK
-j CONNMARK --xor-mark 0xff ; -j CONNMARK --set-xmark 0xff/0x0 ; OK
-j CONNMARK --save-mark ; -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff ; OK
-j CONNMARK --restore-mark ; -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff ; OK
-j CONNMARK --save-mark --mask 0xff ; -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff ; OK
-j CONNMARK --restore-mark --mask 0xff ; -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff ; OK
-j CONNMARK --save-mark --nfmask 1 --ctmask 2 ; -j CONNMARK --save-mark --nfmask 0x1 --ctmask 0x2 ; OK
-j CONNMARK --restore-mark --nfmask 1 --ctmask 2 ; -j CONNMARK --restore-mark --nfmask 0x1 --ctmask 0x2 ; OK
-j CONNMARK --save-mark --nfmask 1 ; -j CONNMARK --save-mark --nfmask 0x1 --ctmask 0xffffffff ; OK
-j CONNMARK --save-mark --mask 1 --ctmask 2 ; ; FAIL excluded-option
-j CONNMARK --save-mark --ctmask 2 --mask 1 ; ; FAIL excluded-option
-j CONNMARK --save-mark --nfmask 2 --mask 1 ; ; FAIL excluded-option
-j CONNMARK --mask 1 ; ; FAIL missing-option
-j CONNMARK --nfmask 1 ; ; FAIL missing-option
-j CONNMARK --ctmask 1 ; ; FAIL missing-option
-j CONNMARK --save-mark --restore-mark ; ; FAIL excluded-option
-j CONNMARK --restore-mark --save-mark ; ; FAIL excluded-option
-j CONNMARK ; ; FAIL missing-option
-j CONNMARK --set-mark foo ; ; FAIL bad-value
-j CONNMARK --save-mark --mask foo ; ; FAIL bad-value
-j CONNMARK --save-mark --nfmask 1/2 ; ; FAIL bad-value
-j CONNMARK --save-mark --ctmask 4294967296 ; ; FAIL bad-value
-j CONNMARK --left-shift-mark 3 ; ; FAIL missing-option
-j CONNMARK --save-mark --left-shift-mark 32 ; ; FAIL bad-value
-j CONNMARK ! --save-mark ; ; FAIL cannot-invert
-j CONNMARK ! --set-mark 1 ; ; FAIL cannot-invert
-j CONNMARK --save-mark --save-mark ; ; FAIL repeated-option
:CHAINS filter/INPUT ipv4,ipv6
-j CONNMARK --set-mark 1 ; -j CONNMARK --set-xmark 0x1/0xffffffff ; OK
-j CONNMARK --save-mark ; -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff ; OK
-j CONNMARK --restore-mark ; -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff ; OK
:CHAINS raw/PREROUTING ipv4,ipv6
-j CONNMARK --restore-mark ; -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff ; OK
:CHAINS nat/PREROUTING ipv4,ipv6
-j CONNMARK --set-mark 1 ; -j CONNMARK --set-xmark 0x1/0xffffffff ; OK
-j CONNMARK --save-mark ; -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff ; OK
