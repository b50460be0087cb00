# -j DSCP: classes print as numbers
:CHAINS filter/INPUT ipv4,ipv6
-j DSCP --set-dscp 1 ; ; FAIL wrong-table
:CHAINS mangle/PREROUTING ipv4,ipv6
-j DSCP --set-dscp 1 ; -j DSCP --set-dscp 0x01 ; OK
-j DSCP --set-dscp 63 ; -j DSCP --set-dscp 0x3f ; OK
-j DSCP --set-dscp foo ; ; FAIL bad-value
-j DSCP --set-dscp "" ; ; FAIL bad-value
-j DSCP --set-dscp 010 ; -j DSCP --set-dscp 0x08 ; OK
-j DSCP --set-dscp-class af11 ; -j DSCP --set-dscp 0x0a ; OK
-j DSCP --set-dscp-class AF43 ; -j DSCP --set-dscp 0x26 ; OK
-j DSCP --set-dscp-class AF44 ; ; FAIL bad-value
-j DSCP --set-dscp-class VA ; ; FAIL bad-value
-j DSCP --set-dscp-class LE ; ; FAIL bad-value
-j DSCP --set-dscp-class "" ; ; FAIL bad-value
-j DSCP --set-dscp-class foo ; ; FAIL bad-value
-j DSCP ! --set-dscp 1 ; ; FAIL cannot-invert
-j DSCP --set-dscp 1 --set-dscp 1 ; ; FAIL repeated-option
