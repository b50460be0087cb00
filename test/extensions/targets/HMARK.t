# -j HMARK: the tuple prints as masks
:CHAINS mangle/PREROUTING ipv4,ipv6
-j HMARK --hmark-mod 1 ; ; FAIL missing-option
-j HMARK --hmark-mod 1 --hmark-rnd 1 ; ; FAIL missing-option
-j HMARK --hmark-tuple ct --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-rnd 0x00000004 --hmark-mod 10 --hmark-tuple ct ; OK
-j HMARK --hmark-tuple spi --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-spi-mask 0xffffffff --hmark-rnd 0x00000004 --hmark-mod 10 ; OK
-j HMARK --hmark-rnd 4 --hmark-tuple src ; ; FAIL missing-option
-j HMARK --hmark-mod 4 --hmark-tuple src ; ; FAIL missing-option
-j HMARK ! --hmark-mod 4 --hmark-tuple src --hmark-rnd 3 ; ; FAIL cannot-invert
-j HMARK ; ; FAIL missing-option
:CHAINS mangle/PREROUTING ipv4
-p udp -j HMARK --hmark-tuple sport --hmark-mod 10 --hmark-rnd 4 ; -p udp -j HMARK --hmark-sport-mask 0xffff --hmark-rnd 0x00000004 --hmark-mod 10 ; OK
-p icmp -j HMARK --hmark-tuple src,dst --hmark-mod 10 --hmark-rnd 4 ; -p icmp -j HMARK --hmark-src-prefix 32 --hmark-dst-prefix 32 --hmark-rnd 0x00000004 --hmark-mod 10 ; OK
-j HMARK --hmark-tuple proto --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-proto-mask 0xffff --hmark-rnd 0x00000004 --hmark-mod 10 ; OK
-j HMARK --hmark-tuple sport,spi --hmark-mod 10 --hmark-rnd 4 ; ; FAIL excluded-option
-j HMARK --hmark-tuple src --hmark-mod 10 --hmark-rnd 4 --hmark-rnd 4 ; ; FAIL repeated-option
-j HMARK --hmark-tuple src, --hmark-mod 10 --hmark-rnd 4 ; ; FAIL bad-value
-j HMARK --hmark-tuple src,foo --hmark-mod 10 --hmark-rnd 4 ; ; FAIL bad-value
-j HMARK --hmark-tuple src --hmark-src-prefix 24 --hmark-mod 10 --hmark-rnd 4 ; ; FAIL repeated-option
-j HMARK --hmark-spi-mask 0xff --hmark-sport-mask 80 --hmark-mod 10 --hmark-rnd 4 ; ; FAIL excluded-option
-p esp -j HMARK --hmark-spi 0xff --hmark-sport 80 --hmark-mod 10 --hmark-rnd 4 ; ; FAIL excluded-option
-j HMARK --hmark-sport http --hmark-mod 10 --hmark-rnd 4 ; ; FAIL bad-value
-j HMARK --hmark-tuple ,src --hmark-mod 10 --hmark-rnd 4 ; ; FAIL bad-value
-j HMARK --hmark-tuple s --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-src-prefix 32 --hmark-rnd 0x00000004 --hmark-mod 10 ; OK
-j HMARK --hmark-tuple sp,d --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-dst-prefix 32 --hmark-sport-mask 0xffff --hmark-rnd 0x00000004 --hmark-mod 10 ; OK
-j HMARK --hmark-tuple foo,src --hmark-mod 10 --hmark-rnd 4 ; ; FAIL bad-value
-j HMARK --hmark-proto-mask 0x10000 --hmark-mod 10 --hmark-rnd 4 ; ; FAIL bad-value
-j HMARK --hmark-src-prefix foo --hmark-mod 10 --hmark-rnd 4 ; ; FAIL bad-mask
-j HMARK --hmark-mod 1 --hmark-rnd 1 --hmark-tuple src ; -j HMARK --hmark-src-prefix 32 --hmark-rnd 0x00000001 --hmark-mod 1 ; OK
-j HMARK --hmark-tuple src,dst --hmark-mod 10 --hmark-offset 5 --hmark-rnd 0xdeafbeef ; -j HMARK --hmark-src-prefix 32 --hmark-dst-prefix 32 --hmark-rnd 0xdeafbeef --hmark-mod 10 --hmark-offset 5 ; OK
-j HMARK --hmark-tuple src,dst,sport,dport --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-src-prefix 32 --hmark-dst-prefix 32 --hmark-sport-mask 0xffff --hmark-dport-mask 0xffff --hmark-rnd 0x00000004 --hmark-mod 10 ; OK
-j HMARK --hmark-tuple dport,sport,dst,src --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-src-prefix 32 --hmark-dst-prefix 32 --hmark-sport-mask 0xffff --hmark-dport-mask 0xffff --hmark-rnd 0x00000004 --hmark-mod 10 ; OK
-j HMARK --hmark-tuple src,ct --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-src-prefix 32 --hmark-rnd 0x00000004 --hmark-mod 10 --hmark-tuple ct ; OK
-j HMARK --hmark-tuple src,spi --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-src-prefix 32 --hmark-spi-mask 0xffffffff --hmark-rnd 0x00000004 --hmark-mod 10 ; OK
:CHAINS mangle/PREROUTING ipv6
-j HMARK --hmark-mod 1 --hmark-rnd 1 --hmark-tuple src ; -j HMARK --hmark-src-prefix 128 --hmark-rnd 0x00000001 --hmark-mod 1 ; OK
-j HMARK --hmark-tuple src,dst --hmark-mod 10 --hmark-offset 5 --hmark-rnd 0xdeafbeef ; -j HMARK --hmark-src-prefix 128 --hmark-dst-prefix 128 --hmark-rnd 0xdeafbeef --hmark-mod 10 --hmark-offset 5 ; OK
-j HMARK --hmark-tuple src,dst,sport,dport --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-src-prefix 128 --hmark-dst-prefix 128 --hmark-sport-mask 0xffff --hmark-dport-mask 0xffff --hmark-rnd 0x00000004 --hmark-mod 10 ; OK
-j HMARK --hmark-tuple dport,sport,dst,src --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-src-prefix 128 --hmark-dst-prefix 128 --hmark-sport-mask 0xffff --hmark-dport-mask 0xffff --hmark-rnd 0x00000004 --hmark-mod 10 ; OK
-j HMARK --hmark-tuple src,ct --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-src-prefix 128 --hmark-rnd 0x00000004 --hmark-mod 10 --hmark-tuple ct ; OK
-j HMARK --hmark-src-prefix 129 --hmark-mod 10 --hmark-rnd 4 ; ; FAIL bad-mask
-j HMARK --hmark-src-prefix 255.255.0.0 --hmark-mod 10 --hmark-rnd 4 ; ; FAIL bad-mask
:CHAINS filter/INPUT ipv4
-j HMARK --hmark-tuple src --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-src-prefix 32 --hmark-rnd 0x00000004 --hmark-mod 10 ; OK
:CHAINS filter/INPUT ipv6
-j HMARK --hmark-tuple src --hmark-mod 10 --hmark-rnd 4 ; -j HMARK --hmark-src-prefix 128 --hmark-rnd 0x00000004 --hmark-mod 10 ; OK
