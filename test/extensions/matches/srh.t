# Fields of the IPv6 segment routing header.
:CHAINS filter/INPUT ipv6
-m srh --srh-next-hdr tcp ; ; FAIL bad-value
-m srh --srh-next-hdr 256 ; ; FAIL bad-value
-m srh --srh-next-hdr foo ; ; FAIL bad-value
-m srh --srh-hdr-len-eq 256 ; ; FAIL bad-value
-m srh --srh-tag 65535 ; = ; OK
-m srh --srh-tag 65536 ; ; FAIL bad-value
-m srh --srh-hdr-len-eq 8 --srh-hdr-len-gt 5 ; -m srh --srh-hdr-len-eq 5 --srh-hdr-len-gt 5 ; OK
-m srh --srh-segs-left-eq 8 --srh-segs-left-gt 5 ; -m srh --srh-segs-left-eq 5 --srh-segs-left-gt 5 ; OK
-m srh --srh-last-entry-eq 8 --srh-last-entry-lt 5 ; -m srh --srh-last-entry-eq 5 --srh-last-entry-lt 5 ; OK
-m srh --srh-psid a::1/64 ; = ; OK
-m srh --srh-psid a:: ; -m srh --srh-psid a::/128 ; OK
-m srh --srh-psid a::/129 ; ; FAIL bad-mask
-m srh --srh-psid a::/ffff:: ; -m srh --srh-psid a::/16 ; OK
-m srh --srh-psid foo ; ; FAIL bad-address
-m srh ! --srh-tag 5 ! --srh-psid b::/16 ; = ; OK
-m srh --srh-tag 0x10 ; -m srh --srh-tag 16 ; OK
-m srh --srh-psid ::/0 ; = ; OK
