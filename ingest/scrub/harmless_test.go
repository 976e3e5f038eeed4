package scrub

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// harmless are values that look like secrets to a hasty reader. What they tell
// is what people search for: a redaction of one is a lost answer.
var harmless = []string{
	"4bf92f3577b34da6a3ce929d0e0e4736",                                    // Trace id.
	"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",             // traceparent.
	"41111111-1111-4111-8111-111111111111",                                // UUID of digits.
	"550e8400-e29b-41d4-a716-446655440000",                                // UUID.
	"9fceb02d0ae598e95dc970b74767f19372d61af8",                            // Commit.
	"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852", // Image.
	"shop@2024.11.23+build.4111111",                                       // Release.
	"v1.2.3-rc.4+20241123101112",                                          // Version.
	"ORD-2024-0000123456",                                                 // Order.
	"INV 2024 1123 0000 4711",                                             // Invoice in groups.
	"1732357872123",                                                       // Milliseconds.
	"1732357872123456789",                                                 // Nanoseconds.
	"2024-11-23T10:11:12.123456789Z",                                      // Time.
	"2024-11-23 10:11:12 +0100",                                           // Time.
	"/srv/app/auth/token.py:123",                                          // File.
	"/usr/lib/python3.11/site-packages/secrets/__init__.py",               // File.
	`C:\inetpub\auth\Token.cs:line 12`,                                    // File.
	"192.168.100.200:8443",                                                // Address.
	"2001:db8:85a3::8a2e:370:7334",                                        // Address.
	"00:1b:44:11:3a:b7",                                                   // MAC.
	"+49 30 901820-4711",                                                  // Telephone.
	"https://shop.example/orders/4711?page=2&sort=-created&author=bob",    // URL.
	"https://shop.example/?next=https%3A%2F%2Fshop.example%3A8443%2Fa%3Fpage%3D2%26author%3Dbob", // URL in a URL.
	"https://shop.example/search?q=100%25%20cotton&max_tokens=5",                                 // Escaped characters.
	"GET /api/v2/tokens/12 HTTP/1.1",                                                             // Path with a word.
	"Unexpected token: '}' at line 3, column 17",                                                 // Parser.
	"invalid token: 17 in JSON at position 4",                                                    // Parser.
	"password is required",                                                                       // Validation.
	"password_reset: rate limited, auth_method: totp",                                            // Words.
	"SELECT token_count, session FROM usage WHERE author = 'bob'",                                // SQL.
	"tokens = tokenizer(text, max_tokens=512)",                                                   // Code.
	"shop.auth.views.login.<locals>.wrapper",                                                     // Function.
	"projects/shop/topics/orders-eu-west-1-20241123",                                             // Resource.
	"arn:aws:lambda:eu-west-1:123456789012:function:checkout",                                    // Resource.
	"i-0abcdef1234567890",                                                                        // Instance.
	"checkout-7d9c5b6f4d-x2x7q",                                                                  // Pod.
	"eu-central-1.rds.amazonaws.com:5432",                                                        // Host.
	"redis://cache:6379/0",                                                                       // URL without a password.
	"git@github.com:shop/app.git",                                                                // Remote: no address of a person; see below.
	"0.4111111111111111",                                                                         // Number.
	"52.520008, 13.404954",                                                                       // Place.
	"ISBN 978-3-16-148410-0",                                                                     // Book.
	"DE-2024-370400440532013000",                                                                 // Order like an IBAN.
	"basic plan, bearer of the ticket",                                                           // Words.
	"Basic authentication failed for realm shop",                                                 // Words.
	"key.converter=org.apache.kafka.connect.json.JsonConverter",                                  // Setting.
	"map[page:2 author:bob state:open]",                                                          // Go map.
	"{page: 2, author: 'bob', key: 'region'}",                                                    // Object.
	`{"page"=>"2", "author"=>"bob"}`,                                                             // Ruby.
	"python -m shop --port 8000 --max-tokens 512 --author bob",                                   // Command line.
	"x[0]=1&filter[author]=bob&filter[state]=open",                                               // Form.
	"Content-Type: application/json; charset=utf-8",                                              // Header.
	"X-Request-Id: 4bf92f3577b34da6a3ce929d0e0e4736",                                             // Header.
	"Authorization: denied for role reader",                                                      // Words.
	"QmFzZTY0IHRoYXQgaXMgbm8gc2VjcmV0",                                                           // Base64.
}

func TestHarmlessValuesStay(t *testing.T) {
	s := scrubber(t, Rules{})
	for _, v := range harmless {
		t.Run(v, func(t *testing.T) {
			text, err := json.Marshal(v)
			require.NoError(t, err)
			x := string(text)
			// Not in a message: an address of git has the form of a person's.
			message := x
			if v == "git@github.com:shop/app.git" {
				message = `"x"`
			}
			in := `{"message":` + message + `,"tags":[["a",` + x + `]],"extra":{"a":` + x + `,"b":[` + x + `]},"exception":{"values":[{"type":"A","value":` + message + `,"stacktrace":{"frames":[{"vars":{"x":` + x + `}}]}}]},"request":{"url":` + x + `,"headers":[["X-A",` + x + `]],"data":` + x + `},"breadcrumbs":{"values":[{"message":` + x + `,"data":{"a":` + x + `}}]},"contexts":{"own":{"a":` + x + `}}}`
			out, c := event(t, s, in)
			require.JSONEq(t, in, out)
			require.Empty(t, c)
			require.Equal(t, v, s.Attribute("note", v, nil))
		})
	}
}
