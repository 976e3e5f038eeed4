package compose

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhouse"
	"errata/queries"
	"errata/queries/projects"
	"errata/schema/tables"
)

// image is what the image of ClickHouse has before our files are laid over it,
// as far as they touch it.
const image = `<clickhouse>
    <listen_host>127.0.0.1</listen_host><tcp_port>%d</tcp_port><http_port>%d</http_port>
    <path>%[3]s/data/</path><tmp_path>%[3]s/data/tmp/</tmp_path><user_files_path>%[3]s/data/user_files/</user_files_path>
    <users_config>%[3]s/users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
    <logger><level>warning</level><log>%[3]s/server.log</log></logger>
    <metric_log><database>system</database><table>metric_log</table></metric_log>
    <text_log><database>system</database><table>text_log</table></text_log>
</clickhouse>`

const imageUsers = `<clickhouse>
    <profiles><default/><readonly><readonly>1</readonly></readonly></profiles>
    <quotas><default/></quotas>
    <users><default><password/><networks><ip>::1</ip><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
</clickhouse>`

// TestClickHouse runs the embedded engine with the configuration of the
// container: the users log in with the passwords of the environment, the schema
// is made, and each may do what it is for and no more.
func TestClickHouse(t *testing.T) {
	library, err := clickhouse.FindLibrary()
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	native, web := freePort(t), freePort(t)
	place := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	place("config.xml", fmt.Sprintf(image, native, web, dir))
	place("users.xml", imageUsers)
	for _, name := range []string{"config.d/errata.xml", "users.d/errata.xml"} {
		raw, err := os.ReadFile(filepath.Join("clickhouse", name))
		require.NoError(t, err)
		// The embedded engine's own session logs in as the user that a server has
		// no use for.
		place(name, strings.ReplaceAll(string(raw), `<default remove="1"/>`, ""))
	}

	child := filepath.Join(t.TempDir(), "child")
	out, err := exec.Command("go", "build", "-o", child, "../local/clickhousetest/child").CombinedOutput()
	require.NoError(t, err, "%s", out)
	lifeline, end, err := os.Pipe()
	require.NoError(t, err)
	var said bytes.Buffer
	cmd := exec.Command(child, "--dir", dir, "--library", library)
	cmd.Env = append(os.Environ(), "ERRATA_PASSWORD=of-errata", "ERRATA_READER_PASSWORD=of-reader", "ERRATA_TRIAGE_PASSWORD=of-triage")
	cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = []*os.File{lifeline}, &said, &said
	require.NoError(t, cmd.Start())
	_ = lifeline.Close()
	t.Cleanup(func() {
		_ = end.Close()
		_ = cmd.Wait()
	})

	addr := fmt.Sprintf("127.0.0.1:%d", native)
	as := func(user, database string) (*queries.Store, error) {
		return queries.Open(t.Context(), queries.Config{Addr: addr, Database: database, User: user, Password: "of-" + user})
	}
	var owner *queries.Store
	require.Eventually(t, func() bool {
		owner, err = as("errata", "default")
		return err == nil
	}, 90*time.Second, 200*time.Millisecond, "%s", &said)
	t.Cleanup(func() { _ = owner.Close() })
	require.NoError(t, tables.Migrate(t.Context(), owner.Conn(), tables.Options{Password: "of-errata"}))
	require.NoError(t, tables.Migrate(t.Context(), owner.Conn(), tables.Options{Password: "of-errata"}))

	reader, err := as("reader", "errata")
	require.NoError(t, err)
	t.Cleanup(func() { _ = reader.Close() })
	_, err = reader.Run(t.Context(), "outcomes", map[string]string{})
	require.NoError(t, err)
	_, err = projects.All(t.Context(), reader.Conn())
	require.NoError(t, err)
	triage, err := as("triage", "errata")
	require.NoError(t, err)
	t.Cleanup(func() { _ = triage.Close() })
	require.NoError(t, triage.Conn().Exec(t.Context(), "INSERT INTO issue_actions (project_id) SELECT 1"))
	for _, c := range []struct {
		name string
		of   *queries.Store
		sql  string
		want string
	}{
		{"the reader writes", reader, "INSERT INTO issue_actions (project_id) SELECT 1", "Not enough privileges|readonly"},
		{"the reader drops", reader, "DROP TABLE events", "Not enough privileges|readonly"},
		{"the reader reads files", reader, "SELECT * FROM file('/etc/hostname', 'LineAsString')", "Not enough privileges|readonly"},
		{"the reader asks for more time", reader, "SELECT 1 SETTINGS max_execution_time = 3600", "max_execution_time"},
		{"triage writes events", triage, "INSERT INTO events (project_id) SELECT 1", "Not enough privileges"},
	} {
		err := c.of.Conn().Exec(t.Context(), c.sql)
		require.Error(t, err, c.name)
		require.Regexp(t, c.want, err.Error(), c.name)
	}
	r, err := owner.SQL(t.Context(), "SELECT count() FROM system.tables WHERE database = 'system' AND name IN ('metric_log', 'text_log')")
	require.NoError(t, err)
	require.EqualValues(t, 0, r.Rows[0][0], "logs of the image are off")
}

// The users have the grants and the limits that errata up gives them.
func TestUsersAsInUp(t *testing.T) {
	compose, err := os.ReadFile("clickhouse/users.d/errata.xml")
	require.NoError(t, err)
	up, err := os.ReadFile("../local/clickhouse/users.xml.tmpl")
	require.NoError(t, err)
	grants := regexp.MustCompile(`<query>(GRANT .*?)</query>`)
	set := func(text string) map[string]bool {
		out := map[string]bool{}
		for _, m := range grants.FindAllStringSubmatch(text, -1) {
			out[m[1]] = true
		}
		return out
	}
	want := set(string(up))
	for _, own := range []string{"GRANT SYSTEM LISTEN ON *.*", "GRANT CREATE TEMPORARY TABLE ON *.*", "GRANT READ ON FILE"} {
		require.True(t, want[own], own)
		delete(want, own) // Of the embedded engine's own session.
	}
	require.Equal(t, want, set(string(compose)))
	limits := regexp.MustCompile(`<(max_execution_time|max_rows_to_read|max_result_rows|max_result_bytes|max_concurrent_queries_for_user|readonly|async_insert|compile_\w+)>(\d+)<`)
	require.Equal(t, limits.FindAllString(string(up), -1), limits.FindAllString(string(compose), -1))
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
