# -j LED: large delays and inf print as negative numbers
:CHAINS filter/INPUT ipv4,ipv6
:UNVERIFIED the kernel here has no LED target
-j LED --led-trigger-id foo ; -j LED --led-trigger-id "foo" ; OK
-j LED --led-trigger-id "foo bar" ; = ; OK
-j LED --led-trigger-id foo --led-delay 10 ; -j LED --led-trigger-id "foo" --led-delay 10 ; OK
-j LED --led-trigger-id foo --led-delay inf ; -j LED --led-trigger-id "foo" --led-delay -1 ; OK
-j LED --led-trigger-id foo --led-delay 0 ; -j LED --led-trigger-id "foo" ; OK
-j LED --led-trigger-id foo --led-delay foo ; ; FAIL bad-value
-j LED --led-trigger-id foo --led-always-blink ; -j LED --led-trigger-id "foo" --led-always-blink ; OK
-j LED --led-trigger-id foo --led-always-blink --led-delay 5 ; -j LED --led-trigger-id "foo" --led-delay 5 --led-always-blink ; OK
-j LED --led-delay 5 ; ; FAIL missing-option
-j LED ; ; FAIL missing-option
-j LED --led-trigger-id "" ; = ; OK
-j LED --led-trigger-id 123456789012345678901 ; ; FAIL too-long
-j LED --led-trigger-id 12345678901234567890123456789 ; ; FAIL too-long
-j LED ! --led-trigger-id foo ; ; FAIL cannot-invert
-j LED --led-trigger-id foo --led-delay -1 ; ; FAIL bad-value
