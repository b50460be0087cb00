# -m cpu
:CHAINS filter/INPUT,FORWARD ipv4,ipv6
-m cpu --cpu 0 ; = ; OK
-m cpu ! --cpu 0 ; = ; OK
-m cpu --cpu 4294967295 ; = ; OK
-m cpu --cpu 0x10 ; -m cpu --cpu 16 ; OK
-m cpu --cpu 010 ; -m cpu --cpu 8 ; OK
-m cpu ; ; FAIL missing-option
-m cpu --cpu 4294967296 ; ; FAIL bad-value
-m cpu --cpu -1 ; ; FAIL bad-value
-m cpu --cpu 1:2 ; ; FAIL bad-value
-m cpu --cpu x ; ; FAIL bad-value
-m cpu --cpu 0 --cpu 1 ; ; FAIL repeated-option
