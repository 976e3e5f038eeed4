package tables

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
	"text/template"
)

//go:embed *.sql views/*.sql
var files embed.FS

// dedupWindow is how many blocks a table remembers by their token: hours of
// retries at any sane rate. The default of the server is 0.
const dedupWindow = 10000

// Migration is one rendered file: statements in order.
type Migration struct {
	Name       string // File name: "001_events.sql", "views/020_issues.sql".
	Repeatable bool   // Views: applied again whenever their text changes.
	Checksum   string // SHA-256 of the template, hex: not of the rendered text, which may carry a password.
	Statements []string
}

// Render returns every migration in order of application: tables first, then
// the views.
func Render(o Options) ([]Migration, error) {
	o = o.withDefaults()
	names, err := list()
	if err != nil {
		return nil, err
	}
	out := make([]Migration, 0, len(names))
	for _, name := range names {
		m, err := renderFile(name, o)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func list() ([]string, error) {
	var once, views []string
	err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if path.Dir(p) == "views" {
			views = append(views, p)
		} else {
			once = append(once, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list migrations: %w", err)
	}
	sort.Strings(once)
	sort.Strings(views)
	return append(once, views...), nil
}

func renderFile(name string, o Options) (Migration, error) {
	raw, err := files.ReadFile(name)
	if err != nil {
		return Migration{}, fmt.Errorf("cannot read migration %s: %w", name, err)
	}
	t, err := template.New(name).Option("missingkey=error").Funcs(o.macros()).Funcs(o.replacing(name)).Parse(string(raw))
	if err != nil {
		return Migration{}, fmt.Errorf("cannot parse migration %s: %w", name, err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, nil); err != nil {
		return Migration{}, fmt.Errorf("cannot render migration %s: %w", name, err)
	}
	sum := sha256.New()
	sum.Write(raw)
	repeatable := path.Dir(name) == "views"
	if repeatable {
		// A changed password or cluster must reach views and dictionaries too.
		sum.Write(b.Bytes())
	}
	return Migration{Name: name, Repeatable: repeatable, Checksum: hex.EncodeToString(sum.Sum(nil)),
		Statements: split(b.String())}, nil
}

// macros are what the files are written in. On a single server create "t" is
// a table t; on a cluster it is t_local on every node with a Distributed t
// over it. The Everywhere forms are small tables that each node holds whole.
func (o Options) macros() template.FuncMap {
	on := ""
	if o.Cluster != "" {
		on = " ON CLUSTER " + quoteName(o.Cluster)
	}
	full := func(t string) string { return quoteName(o.Database) + "." + quoteName(t) }
	local := func(t string) string {
		if o.Cluster != "" {
			return full(t + "_local")
		}
		return full(t)
	}
	engine := func(shard string, kind, table string, args []string) string {
		list := args
		if o.Cluster != "" {
			kind = "Replicated" + kind
			list = append([]string{"'/clickhouse/tables/" + shard + "/{database}/" + table + "'", "'{replica}'"}, args...)
		}
		if len(list) == 0 {
			return kind
		}
		return kind + "(" + strings.Join(list, ", ") + ")"
	}
	return template.FuncMap{
		"db":        func() string { return quoteName(o.Database) },
		"onCluster": func() string { return on },
		"single":    func() bool { return o.Cluster == "" },
		"name":      full,
		"local":     local,
		"create":    func(t string) string { return "CREATE TABLE IF NOT EXISTS " + local(t) + on },
		"createEverywhere": func(t string) string {
			return "CREATE TABLE IF NOT EXISTS " + full(t) + on
		},
		"engine": func(kind, table string, args ...string) string {
			return engine("{shard}", kind, table, args)
		},
		"engineEverywhere": func(kind, table string, args ...string) string {
			return engine("all", kind, table, args)
		},
		"dedup": func() string {
			if o.Cluster != "" {
				return fmt.Sprintf("replicated_deduplication_window = %d, replicated_deduplication_window_seconds = 604800", dedupWindow)
			}
			return fmt.Sprintf("non_replicated_deduplication_window = %d", dedupWindow)
		},
		"dist": func(t, by string) string {
			if o.Cluster == "" {
				return ""
			}
			return fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s%s AS %s ENGINE = Distributed(%s, %s, %s, %s);",
				full(t), on, local(t), quoteText(o.Cluster), quoteText(o.Database), quoteText(t+"_local"), by)
		},
		"materialized": func(view, target string) string {
			return "CREATE MATERIALIZED VIEW IF NOT EXISTS " + full(view) + on + " TO " + local(target) + " AS"
		},
		// Columns of a view, where they are named, come as name, type and comment: a
		// view has no comments of what it reads, and to alter one that somebody else
		// replaces at that moment breaks it.
		"view": func(t string, columns ...string) string {
			var parts []string
			for i := 0; i+2 < len(columns); i += 3 {
				parts = append(parts, quoteName(columns[i])+" "+columns[i+1]+" COMMENT "+quoteText(columns[i+2]))
			}
			if len(parts) == 0 {
				return "CREATE OR REPLACE VIEW " + full(t) + on
			}
			return "CREATE OR REPLACE VIEW " + full(t) + on + "\n(\n    " + strings.Join(parts, ",\n    ") + "\n)"
		},
		// The server reads its own table for a dictionary and must log in for it.
		"selfSource": func(query string) string {
			return fmt.Sprintf("SOURCE(CLICKHOUSE(USER %s PASSWORD %s DB %s QUERY %s))",
				quoteText(o.User), quoteText(o.Password), quoteText(o.Database), quoteText(query))
		},
		"dictionary": func(t string) string { return "CREATE OR REPLACE DICTIONARY " + full(t) + on },
		"issueOf": func(project, fingerprint string) string {
			return fmt.Sprintf("dictGetOrDefault(%s, 'survivor', (%s, %s), %s)", quoteText(o.Database+".issue_of"), project, fingerprint, fingerprint)
		},
		"semver": semver,
		"dbText": func() string { return quoteText(o.Database) },
	}
}

func quoteName(s string) string {
	if isPlain(s) {
		return s
	}
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(s) + "`"
}

func isPlain(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

func quoteText(s string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(s) + "'"
}

// split cuts text at semicolons that are neither in a quoted string nor in a
// comment, and drops what is only comment.
func split(text string) []string {
	var out []string
	var b strings.Builder
	add := func() {
		if s := strings.TrimSpace(b.String()); s != "" {
			out = append(out, s)
		}
		b.Reset()
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '-' && strings.HasPrefix(text[i:], "--"):
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				end = len(text) - i
			}
			i += end - 1
		case c == '\'' || c == '`' || c == '"':
			end := i + 1
			for end < len(text) && text[end] != c {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end, len(text)-1)
			b.WriteString(text[i : end+1])
			i = end
		case c == ';':
			add()
		default:
			b.WriteByte(c)
		}
	}
	add()
	return out
}

// semver returns an expression whose value orders releases of one package as
// semantic versions order: (numbers, final or not, pre-release parts). Its
// first member is 0 where the release is no version: do not compare then.
func semver(release string) string {
	groups := "extractGroups(" + release + ", '^(?:.*@)?v?([0-9]{1,9})\\\\.([0-9]{1,9})(?:\\\\.([0-9]{1,9}))?(?:\\\\.([0-9]{1,9}))?(?:-([0-9A-Za-z.-]+))?(?:\\\\+[0-9A-Za-z.-]*)?$')"
	return "arrayElement(arrayMap(g -> (length(g) > 0, toUInt32OrZero(g[1]), toUInt32OrZero(g[2]), toUInt32OrZero(g[3]), toUInt32OrZero(g[4]), g[5] = ''," +
		" arrayMap(p -> (NOT match(p, '^[0-9]{1,18}$'), toUInt64OrZero(p), p), splitByChar('.', g[5]))), [" + groups + "]), 1)"
}
