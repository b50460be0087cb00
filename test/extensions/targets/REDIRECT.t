# -j REDIRECT: ports need a protocol that has some; shifted ranges are refused
:CHAINS nat/PREROUTING ipv4,ipv6
-j REDIRECT ; = ; OK
-p tcp -j REDIRECT --to-ports 8080 ; = ; OK
-p tcp -j REDIRECT --to-port 8080 ; -p tcp -j REDIRECT --to-ports 8080 ; OK
-p tcp -j REDIRECT --to-ports 8080-8090 ; = ; OK
-p tcp -j REDIRECT --to-ports http ; -p tcp -j REDIRECT --to-ports 80 ; OK
-p udp -j REDIRECT --to-ports domain ; -p udp -j REDIRECT --to-ports 53 ; OK
-p tcp -j REDIRECT --to-ports 80-90/80 ; ; FAIL shifted-range
-p tcp -j REDIRECT --to-ports 80-90/8000 ; ; FAIL shifted-range
-p tcp -j REDIRECT --to-ports 80-90/http ; ; FAIL shifted-range
-p tcp -j REDIRECT --to-ports 80-90/0 ; ; FAIL bad-port
-p tcp -j REDIRECT --to-ports 80-90/70000 ; ; FAIL bad-port
-p tcp -j REDIRECT --to-ports 80-90/ ; ; FAIL bad-port
-p tcp -j REDIRECT --to-ports 80:90 ; ; FAIL bad-port
-p tcp -j REDIRECT --to-ports 90-80 ; ; FAIL reversed-range
-p tcp -j REDIRECT --to-ports 80-80 ; -p tcp -j REDIRECT --to-ports 80 ; OK
-p tcp -j REDIRECT --to-ports 0 ; = ; OK
-j REDIRECT --to-ports 80 ; ; FAIL needs-protocol
-j REDIRECT --random ; = ; OK
-j REDIRECT --random-fully ; ; FAIL unknown-option
-j REDIRECT --persistent ; ; FAIL unknown-option
-p tcp -j REDIRECT --random --to-ports 80 ; -p tcp -j REDIRECT --to-ports 80 --random ; OK
-p icmp -j REDIRECT --to-ports 80 ; = ; OK
-j REDIRECT ! --random ; ; FAIL cannot-invert
-p tcp -j REDIRECT ! --to-ports 80 ; ; FAIL cannot-invert
:CHAINS nat/OUTPUT ipv4,ipv6
-j REDIRECT ; = ; OK
:CHAINS nat/INPUT ipv4,ipv6
-j REDIRECT ; ; FAIL wrong-hook
:CHAINS nat/POSTROUTING ipv4,ipv6
-j REDIRECT ; ; FAIL wrong-hook
