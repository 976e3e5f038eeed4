package name

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSecretNames(t *testing.T) {
	n := New(true, nil, nil)
	for _, k := range []string{
		"password", "Password", "db_password", "dbpassword", "passwordHash", "PASSWD", "mysql_pwd", "secret", "client_secret", "clientSecret",
		"api_key", "apiKey", "x-api-key", "X-API-Key", "apikey", "auth", "Authorization", "Proxy-Authorization", "http.request.header.authorization",
		"token", "access_token", "accessToken", "csrftoken", "X-CSRF-Token", "csrfmiddlewaretoken", "private_key", "privateKey", "credentials",
		"otp", "pin", "two-factor", "aws_secret_access_key", "session_id", "Set-Cookie", "Cookie", "http.request.header.cookie", "ssn", "jwt", "AWS_SECRET",
	} {
		require.True(t, n.Secret(k), k)
	}
	for _, k := range []string{
		"author", "authors", "exp", "expected", "authored_by", "authentic", "keyboard", "monkey", "key", "id", "session", "tokenize", "max_tokens", "tokens_used",
		"token_count", "token_type", "auth_method", "password_required", "pass", "compass", "secretary", "passenger", "opinion", "spin", "pinned", "broken", "type",
		"value", "filename", "lineno", "ping", "cookie_consent", "laptop",
	} {
		require.False(t, n.Secret(k), k)
	}
}
