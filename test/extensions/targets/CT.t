# -j CT: zone 0 is none; helpers and timeouts need a protocol
:CHAINS mangle/PREROUTING ipv4,ipv6
-j CT --zone 1 ; ; FAIL wrong-table
:CHAINS raw/PREROUTING,OUTPUT,own ipv4,ipv6
-j CT --notrack ; = ; OK
-j CT --zone 1 ; = ; OK
-j CT --zone mark ; = ; OK
-j CT --zone-orig 5 ; = ; OK
-j CT --zone-reply mark ; = ; OK
-j CT --zone-orig 5 --zone-reply 6 ; -j CT --zone 6 ; OK
-j CT --zone 5 --zone-reply 6 ; -j CT --zone-reply 6 ; OK
-p tcp -m tcp --dport 21 -j CT --helper ftp --zone 3 ; = ; OK
-j CT --ctevents new,related,destroy,reply,assured,protoinfo,helper,mark,natseqinfo,secmark ; = ; OK
-j CT --ctevents mark,new ; -j CT --ctevents new,mark ; OK
-j CT --ctevents new --expevents new --zone 4 --notrack ; -j CT --notrack --ctevents new --expevents new --zone 4 ; OK
-j CT --notrack --helper ftp ; = ; OK
-j CT --notrack --timeout foo ; = ; OK
:CHAINS raw/PREROUTING ipv4,ipv6
-j CT --zone 0 ; -j CT ; OK
-j CT --zone 65536 ; ; FAIL bad-value
-j CT --zone Mark ; -j CT --zone mark ; OK
-j CT --zone foo ; ; FAIL bad-value
-j CT --zone-orig foo ; ; FAIL bad-value
-j CT --helper ftp ; ; FAIL needs-protocol
-p udp -j CT --helper ftp ; ; FAIL unknown-helper
-j CT --timeout foo ; ; FAIL needs-protocol
-j CT --ctevents NEW,Mark ; ; FAIL bad-value
-j CT --helper ftp --timeout foo ; ; FAIL needs-protocol
-j CT ! --notrack ; ; FAIL cannot-invert
-j CT ! --zone 3 ; ; FAIL cannot-invert
-j CT --zone 3 --zone 4 ; ; FAIL repeated-option
:CHAINS raw/PREROUTING ipv4
-j CT --zone-orig 0 ; -j CT ; OK
-j CT --zone-reply 0 ; -j CT ; OK
-j CT --zone-orig mark --zone 5 ; -j CT --zone-orig mark ; OK
-j CT --zone 5 --zone-orig mark ; -j CT --zone-orig mark ; OK
-j CT --helper "" ; -j CT ; OK
-p tcp -j CT --timeout "" ; -p tcp -j CT ; OK
-p tcp -j CT --helper FTP ; ; FAIL unknown-helper
! -p tcp -j CT --helper ftp ; ; FAIL needs-protocol
-p tcp -j CT --helper sip ; = ; OK
-p udp -j CT --helper amanda ; = ; OK
-p udp -j CT --helper RAS ; = ; OK
-p tcp -j CT --helper Q.931 ; = ; OK
-p tcp -j CT --helper irc ; = ; OK
-p udp -j CT --helper netbios-ns ; = ; OK
-p tcp -j CT --helper pptp ; = ; OK
-p tcp -j CT --helper sane ; = ; OK
-j CT --notrack --helper "a b" ; -j CT --notrack --helper a b ; OK
-j CT --notrack --helper 12345678901234567890 ; -j CT --notrack --helper 123456789012345 ; OK
-j CT --notrack --timeout "x y" ; -j CT --notrack --timeout x y ; OK
-j CT --notrack --zone mark --zone-reply 5 ; -j CT --notrack --zone-reply mark ; OK
:CHAINS raw/PREROUTING ipv6
-p tcp -j CT --helper irc ; ; FAIL unknown-helper
:CHAINS filter/INPUT ipv4,ipv6
-j CT --notrack ; ; FAIL wrong-table
