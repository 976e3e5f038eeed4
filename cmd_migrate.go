package main

import (
	"context"
	"os"

	"errata/queries"
	"errata/schema/tables"
)

type migrateCmd struct {
	connectFlags
	Cluster string `help:"Name of the ClickHouse cluster; empty for a single server." env:"ERRATA_CLUSTER"`
	DryRun  bool   `help:"Print the SQL and apply nothing."`
}

// Run brings the schema to this build's version; running it again is safe.
func (c *migrateCmd) Run(ctx context.Context) error {
	o := tables.Options{Database: c.Database, Cluster: c.Cluster, Progress: os.Stdout}
	if c.DryRun {
		o.DryRun = os.Stdout
		return tables.Migrate(ctx, nil, o)
	}
	cfg, err := c.clickhouse("errata")
	if err != nil {
		return err
	}
	o.User, o.Password = cfg.User, cfg.Password
	cfg.Database = "default" // The schema's own database may not exist yet.
	conn, err := queries.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer conn.Close()
	return tables.Migrate(ctx, conn, o)
}
