package tables

import (
	"context"
	"fmt"
	"regexp"
	"text/template"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// replacing are the macros by which the file of a migration gives a
// materialized view another query. The view keeps its name, its source and its
// target: by these the server knows blocks that the view took before. Not its
// UUID: where two migrate at once, one would take from the server's map what the
// other has just put there. ALTER ... MODIFY QUERY would not do either: it takes
// those blocks for new ones until the server starts again.
// The comment says which file the view is of, so that no file is done twice.
func (o Options) replacing(file string) template.FuncMap {
	on, suffix := "", ""
	if o.Cluster != "" {
		on, suffix = " ON CLUSTER "+quoteName(o.Cluster), "_local"
	}
	full := func(t string) string { return quoteName(o.Database) + "." + quoteName(t) }
	return template.FuncMap{
		"replaceMaterialized": func(view, target string) string {
			return "DROP VIEW IF EXISTS " + full(view) + on + " SYNC;\n\n" +
				"CREATE MATERIALIZED VIEW IF NOT EXISTS " + full(view) + on + " TO " + full(target+suffix) + " AS"
		},
		"replaced": func() string { return "\nCOMMENT " + quoteText(file) },
	}
}

var dropsView = regexp.MustCompile("^DROP VIEW IF EXISTS \\S+\\.`?(\\w+)`?( | SYNC)")

// replacement is what a file that replaces views does.
type replacement struct {
	shut  []string // Keeps events out.
	views []viewPair
	open  []string // Lets them in again.
}

type viewPair struct{ name, drop, create string }

// replacement takes a file apart; it has no views where the file replaces none.
func (m Migration) replacement() replacement {
	var r replacement
	for i := 0; i < len(m.Statements); i++ {
		s := m.Statements[i]
		view := dropsView.FindStringSubmatch(s)
		switch {
		case view != nil && i+1 < len(m.Statements):
			i++
			r.views = append(r.views, viewPair{view[1], s, m.Statements[i]})
		case len(r.views) == 0:
			r.shut = append(r.shut, s)
		default:
			r.open = append(r.open, s)
		}
	}
	return r
}

// settling is how long views must have stayed replaced before events come in
// again: somebody who migrates at the same time may just be about to do one more.
const settling = 500 * time.Millisecond

// replace gives views their new queries while nothing comes in. What was done
// already, by a run that died or by somebody else, is left alone; where all was,
// events are not kept out at all.
func replace(ctx context.Context, conn driver.Conn, o Options, m Migration, r replacement) error {
	for shut := false; ; shut = true {
		files, err := viewsOf(ctx, conn, o)
		if err != nil {
			return err
		}
		left := false
		for _, v := range r.views {
			left = left || files[v.name] != m.Name
		}
		if !left {
			return execAll(ctx, conn, m, r.open)
		}
		if !shut {
			if err := execAll(ctx, conn, m, r.shut); err != nil {
				return err
			}
		}
		for _, v := range r.views {
			if err := replaceOne(ctx, conn, o, m, v); err != nil {
				return err
			}
		}
		var events uint64
		if err := conn.QueryRow(ctx, "SELECT count() FROM "+quoteName(o.Database)+".events").Scan(&events); err != nil {
			return fmt.Errorf("cannot see whether there are events: %w", err)
		}
		if events > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(settling):
			}
		}
	}
}

func replaceOne(ctx context.Context, conn driver.Conn, o Options, m Migration, v viewPair) error {
	files, err := viewsOf(ctx, conn, o) // Now, since somebody may migrate at the same time.
	if err != nil || files[v.name] == m.Name {
		return err
	}
	return execAll(ctx, conn, m, []string{v.drop, v.create})
}

// viewsOf reads which file each of the database's materialized views is of, as
// far as one said so.
func viewsOf(ctx context.Context, conn driver.Conn, o Options) (map[string]string, error) {
	rows, err := conn.Query(ctx, "SELECT name, comment FROM system.tables WHERE database = ? AND engine = 'MaterializedView'", o.Database)
	if err != nil {
		return nil, fmt.Errorf("cannot read the materialized views: %w", err)
	}
	defer rows.Close()
	files := map[string]string{}
	for rows.Next() {
		var name, comment string
		if err := rows.Scan(&name, &comment); err != nil {
			return nil, fmt.Errorf("cannot read the materialized views: %w", err)
		}
		files[name] = comment
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("cannot read the materialized views: %w", err)
	}
	return files, nil
}
