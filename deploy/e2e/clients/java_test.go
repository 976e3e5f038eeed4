package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// java runs deploy/e2e/java/Shop.java with the jars of its pom.xml.
func java(t *testing.T, env ...string) {
	t.Helper()
	program, maven := installed(t, "java"), installed(t, "mvn")
	libs, err := filepath.Abs("../../../.cache/clients-java")
	require.NoError(t, err)
	pom, err := os.ReadFile("../java/pom.xml")
	require.NoError(t, err)
	stamp := filepath.Join(libs, ".stamp")
	if have, err := os.ReadFile(stamp); err != nil || string(have) != string(pom) {
		require.NoError(t, os.RemoveAll(libs))
		// The folder of the pom may be read only: Maven writes beside the jars.
		draft := filepath.Join(t.TempDir(), "pom.xml")
		require.NoError(t, os.WriteFile(draft, pom, 0o600))
		out, err := exec.CommandContext(t.Context(), maven, "-q", "-B", "-f", draft, "dependency:copy-dependencies", "-DoutputDirectory="+libs, "-DincludeScope=runtime").CombinedOutput()
		require.NoError(t, err, "cannot fetch the clients of Java: %s", out)
		require.NoError(t, os.WriteFile(stamp, pom, 0o600))
	}
	start(t, "../java", env, program, "-cp", filepath.Join(libs, "*")+":.", "Shop.java").wait(t)
}

const (
	charge   = "IllegalStateException: cannot charge order x*"
	checkout = "UnsupportedOperationException: no such card"
	till     = "IllegalStateException: cannot charge order null"
)

// TestSentryJava is sentry-java with Logback: a caught error with its cause, one
// that a logger gets, one that ends a thread, a log, a check-in, a transaction.
func TestSentryJava(t *testing.T) {
	p := newProject(t, "sentry-java")
	java(t, "SENTRY_DSN="+p.dsn)
	p.expect(t,
		want{title: charge, events: 2, users: 1, platform: "java", release: "shop@7.1.0", environment: "staging",
			level: "error", handled: "unknown", tags: map[string]string{"plan": "pro"}, frame: "Shop.java charge", protocols: []string{"sentry"}, traced: "charge",
			exceptions: []string{"NumberFormatException: For input string: \"x1\"", "IllegalStateException: cannot charge order x1"}},
		want{title: checkout, events: 1, users: 1, level: "error", protocols: []string{"sentry"}},
		// Another way leads to the same line.
		want{title: till, events: 1, users: 1, level: "fatal", handled: "no"},
	)
	rows := until(t, "SELECT body, severity_text FROM errata.logs WHERE project_id = "+p.id, rowsAre(1))
	require.Equal(t, []row{{"body": "shop closes", "severity_text": "info"}}, rows)
	rows = until(t, "SELECT monitor, status FROM errata.check_ins WHERE project_id = "+p.id, rowsAre(1))
	require.Equal(t, []row{{"monitor": "nightly", "status": "ok"}}, rows)
}

// TestOTelJava is OpenTelemetry of Java with each of its exporters, and both
// SDKs at once: each failure counts once, in the issue that sentry-java makes.
func TestOTelJava(t *testing.T) {
	for name, endpoint := range map[string]string{"http": store.OTLPHTTP, "grpc": store.OTLPGRPC} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, "otel-java-"+name)
			java(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+endpoint, "OTEL_EXPORTER_OTLP_HEADERS=x-errata-key="+p.key, "OTEL_EXPORTER_OTLP_PROTOCOL="+name)
			p.expect(t, want{title: charge, events: 2, level: "error", platform: "java", release: "7.1.0", environment: "staging", protocols: []string{"otlp"},
				frame: "Shop.java charge", traced: "POST /charge"})
		})
	}
	t.Run("both", func(t *testing.T) {
		p := newProject(t, "both-java")
		java(t, "SENTRY_DSN="+p.dsn, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+store.OTLPHTTP, "OTEL_EXPORTER_OTLP_HEADERS=x-errata-key="+p.key)
		p.expect(t,
			want{title: charge, events: 2, users: 1, protocols: []string{"sentry", "otlp"}, traced: "POST /charge"},
			want{title: checkout, events: 1, users: 1},
			want{title: till, events: 1, users: 1},
		)
		rows := until(t, "SELECT severity, fingerprint != 0 AS made FROM errata.logs WHERE body = 'shop closes' AND service = 'shop' AND project_id = "+p.id, rowsAre(1))
		require.Equal(t, []row{{"severity": 9.0, "made": 0.0}}, rows)
	})
}
