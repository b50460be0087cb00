# -j ULOG: no kernel since 3.17 has it
:CHAINS filter/INPUT ipv4
:UNVERIFIED no kernel has it
-j ULOG ; ; FAIL obsolete-target
-j ULOG --ulog-nlgroup 2 ; ; FAIL obsolete-target
-j ULOG --ulog-nlgroup 33 ; ; FAIL bad-value
-j ULOG --ulog-nlgroup 0 ; ; FAIL bad-value
-j ULOG --ulog-prefix foo ; ; FAIL obsolete-target
-j ULOG --ulog-cprange 5 ; ; FAIL obsolete-target
-j ULOG --ulog-qthreshold 5 ; ; FAIL obsolete-target
-j ULOG --ulog-qthreshold 51 ; ; FAIL bad-value
