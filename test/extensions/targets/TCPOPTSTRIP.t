# -j TCPOPTSTRIP: names print as numbers, sorted
:CHAINS mangle/PREROUTING ipv4,ipv6
-p tcp -j TCPOPTSTRIP --strip-options mss ; -p tcp -j TCPOPTSTRIP --strip-options 2 ; OK
-p tcp -j TCPOPTSTRIP --strip-options wscale,mss,sack-permitted,sack,timestamp,md5 ; -p tcp -j TCPOPTSTRIP --strip-options 2,3,4,5,8,19 ; OK
-p tcp -j TCPOPTSTRIP --strip-options 8,4 ; -p tcp -j TCPOPTSTRIP --strip-options 4,8 ; OK
-p tcp -j TCPOPTSTRIP --strip-options 255 ; = ; OK
-p tcp -j TCPOPTSTRIP --strip-options 256 ; ; FAIL bad-value
-p tcp -j TCPOPTSTRIP --strip-options foo ; ; FAIL bad-value
-p tcp -j TCPOPTSTRIP --strip-options "" ; ; FAIL bad-value
-p tcp -j TCPOPTSTRIP --strip-options 2,2 ; ; FAIL repeated-value
-p tcp -j TCPOPTSTRIP --strip-options 2, ; ; FAIL bad-value
-p tcp -j TCPOPTSTRIP --strip-options MSS ; ; FAIL bad-value
-p tcp -j TCPOPTSTRIP --strip-options 0x8 ; -p tcp -j TCPOPTSTRIP --strip-options 8 ; OK
-p tcp -j TCPOPTSTRIP --strip-options 19 ; = ; OK
-p tcp -j TCPOPTSTRIP --strip-options md5,200,64,32 ; -p tcp -j TCPOPTSTRIP --strip-options 19,32,64,200 ; OK
-p tcp -j TCPOPTSTRIP ! --strip-options 4 ; ; FAIL cannot-invert
-p tcp -j TCPOPTSTRIP --strip-options 4 --strip-options 5 ; ; FAIL repeated-option
! -p tcp -j TCPOPTSTRIP --strip-options 4 ; ; FAIL needs-protocol
-p udp -j TCPOPTSTRIP --strip-options 4 ; ; FAIL needs-protocol
:CHAINS filter/INPUT ipv4,ipv6
-p tcp -j TCPOPTSTRIP --strip-options 4 ; ; FAIL wrong-table
