# Time to live of the packet.
:CHAINS filter/INPUT ipv4
-m ttl --ttl 5 ; -m ttl --ttl-eq 5 ; OK
-m ttl --ttl-eq 255 ; = ; OK
-m ttl --ttl-eq 256 ; ; FAIL bad-value
-m ttl ! --ttl-eq 5 ; = ; OK
-m ttl ! --ttl 5 ; -m ttl ! --ttl-eq 5 ; OK
-m ttl ! --ttl-gt 5 ; ; FAIL cannot-invert
-m ttl ! --ttl-lt 5 ; ; FAIL cannot-invert
-m ttl --ttl-gt 255 ; = ; OK
-m ttl --ttl-lt 0 ; = ; OK
-m ttl --ttl-gt 5 --ttl-lt 10 ; ; FAIL excluded-option
-m ttl --ttl-eq 5 --ttl-lt 10 ; ; FAIL excluded-option
-m ttl ; ; FAIL missing-option
-m ttl --ttl-gt x ; ; FAIL bad-value
-m ttl --ttl-eq "" ; ; FAIL bad-value
:CHAINS filter/OUTPUT ipv4
-m ttl --ttl-eq 5 ; = ; OK
:CHAINS filter/INPUT ipv6
-m ttl --ttl-eq 5 ; ; FAIL unknown-match
-m ttl --ttl 5 ; ; FAIL unknown-match
-m ttl --ttl-eq 255 ; ; FAIL unknown-match
-m ttl --ttl-eq 256 ; ; FAIL unknown-match
-m ttl ! --ttl-eq 5 ; ; FAIL unknown-match
-m ttl ! --ttl 5 ; ; FAIL unknown-match
-m ttl ! --ttl-gt 5 ; ; FAIL unknown-match
-m ttl ! --ttl-lt 5 ; ; FAIL unknown-match
-m ttl --ttl-gt 255 ; ; FAIL unknown-match
-m ttl --ttl-lt 0 ; ; FAIL unknown-match
-m ttl --ttl-gt 5 --ttl-lt 10 ; ; FAIL unknown-match
-m ttl --ttl-eq 5 --ttl-lt 10 ; ; FAIL unknown-match
-m ttl ; ; FAIL unknown-match
-m ttl --ttl-gt x ; ; FAIL unknown-match
-m ttl --ttl-eq "" ; ; FAIL unknown-match
:CHAINS filter/OUTPUT ipv6
-m ttl --ttl-eq 5 ; ; FAIL unknown-match
