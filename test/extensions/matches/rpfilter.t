# Reverse path check: whether answers would leave where the packet came in.
:CHAINS raw/PREROUTING ipv4,ipv6
-m rpfilter ; = ; OK
-m rpfilter --invert ; = ; OK
-m rpfilter ! --invert ; ; FAIL cannot-invert
-m rpfilter --invert --accept-local --validmark --loose ; -m rpfilter --loose --validmark --accept-local --invert ; OK
-m rpfilter --loose --loose ; ; FAIL repeated-option
:CHAINS mangle/PREROUTING ipv4,ipv6
-m rpfilter ; = ; OK
:CHAINS nat/PREROUTING ipv4,ipv6
-m rpfilter ; ; FAIL wrong-table
:CHAINS filter/INPUT ipv4,ipv6
-m rpfilter ; ; FAIL wrong-table
:CHAINS mangle/INPUT ipv4,ipv6
-m rpfilter ; ; FAIL wrong-hook
:CHAINS raw/OUTPUT ipv4,ipv6
-m rpfilter ; ; FAIL wrong-hook
:CHAINS mangle/PREROUTING ipv4
-m rpfilter --accept-local ; = ; OK
:CHAINS raw/PREROUTING ipv6
-m rpfilter --loose ; = ; OK
