# -j SET: add, del and map may stand together; a ! has no effect; mapping works in mangle
:CHAINS mangle/PREROUTING ipv4
:SETS foo bar
-j SET --add-set foo src ; = ; OK
-j SET --add-set foo src,dst ; = ; OK
-j SET --add-set bar src,dst ; = ; OK
-j SET --del-set foo src ; = ; OK
-j SET --map-set foo src ; ; FAIL missing-option
-j SET --map-set foo src --map-mark ; = ; OK
-j SET --map-set foo src --map-prio ; ; FAIL wrong-hook
-j SET --map-set foo src --map-queue ; ; FAIL wrong-hook
-j SET --map-set foo src --map-queue --map-prio --map-mark ; ; FAIL wrong-hook
-j SET --map-set skb src --map-mark ; ; FAIL unknown-set
-j SET --map-set skb src --map-mark --map-prio ; ; FAIL unknown-set
-j SET --map-mark ; ; FAIL missing-option
-j SET --map-set skb src ; ; FAIL unknown-set
-j SET --map-set skb src --exist ; ; FAIL unknown-set
-j SET --map-set skb src --add-set foo src ; ; FAIL unknown-set
-j SET --add-set foo src --del-set foo dst ; = ; OK
-j SET --del-set foo dst --add-set foo src ; -j SET --add-set foo src --del-set foo dst ; OK
-j SET --add-set foo src --exist ; = ; OK
-j SET --add-set foo src --timeout 5 ; = ; OK
-j SET --add-set foo src --timeout 5 --exist ; -j SET --add-set foo src --exist --timeout 5 ; OK
-j SET --add-set foo src --exist --timeout 0 ; = ; OK
-j SET --add-set foo src --timeout 4294967295 ; ; FAIL bad-value
-j SET --add-set foo src --timeout 4294967 ; = ; OK
-j SET --add-set foo src --timeout 4294967296 ; ; FAIL bad-value
-j SET --add-set foo src --timeout foo ; ; FAIL bad-value
-j SET --add-set foo src --timeout "" ; ; FAIL bad-value
-j SET --del-set foo src --timeout 5 ; ; FAIL missing-option
-j SET --del-set foo src --exist ; ; FAIL missing-option
-j SET --exist ; ; FAIL missing-option
-j SET --add-set foo foo ; ; FAIL bad-value
-j SET ! --add-set foo src ; -j SET --add-set foo src ; OK
-j SET --add-set foo src --add-set foo src ; ; FAIL repeated-option
-j SET --exist --exist --add-set foo src ; -j SET --add-set foo src --exist ; OK
:CHAINS nat/PREROUTING ipv4
-j SET --add-set foo src ; = ; OK
:CHAINS mangle/POSTROUTING ipv4,ipv6
-j SET --map-set skb src --map-prio ; ; FAIL unknown-set
-j SET --map-set skb src --map-queue ; ; FAIL unknown-set
:CHAINS mangle/OUTPUT ipv4,ipv6
-j SET --map-set skb src --map-prio ; ; FAIL unknown-set
:CHAINS mangle/FORWARD ipv4,ipv6
-j SET --map-set skb src --map-prio ; ; FAIL unknown-set
-j SET --map-set skb src --map-queue ; ; FAIL unknown-set
:CHAINS mangle/INPUT ipv4,ipv6
-j SET --map-set skb src --map-prio ; ; FAIL unknown-set
