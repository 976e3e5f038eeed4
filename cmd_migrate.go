package main

import (
	"context"
	"os"

	"errata/command/connect"
	"errata/deploy/kafka/topics"
	"errata/queries"
	"errata/schema/tables"
)

type migrateCmd struct {
	connect.Flags
	Cluster string `help:"Name of the ClickHouse cluster; empty for a single server." env:"ERRATA_CLUSTER"`
	DryRun  bool   `help:"Print the SQL and apply nothing."`

	Topics      bool   `help:"Make the topics on Kafka first where they are missing; those that are there stay as they are."`
	Partitions  int    `help:"Partitions of a new topic." default:"12" env:"ERRATA_PARTITIONS"`
	Replication int    `help:"Replicas of a new topic; one less must be in sync to accept." default:"3" env:"ERRATA_REPLICATION"`
	TopicPrefix string `help:"Text before each topic's name." env:"ERRATA_TOPIC_PREFIX"`
}

// Run brings the schema to this build's version, and makes the topics where
// asked to; running it again is safe.
func (c *migrateCmd) Run(ctx context.Context) error {
	o := tables.Options{Database: c.Database, Cluster: c.Cluster, Progress: os.Stdout}
	if c.DryRun {
		o.DryRun = os.Stdout
		return tables.Migrate(ctx, nil, o)
	}
	if c.Topics {
		brokers, err := c.Brokers()
		if err != nil {
			return err
		}
		kafkaTLS, login, err := c.KafkaSecurity()
		if err != nil {
			return err
		}
		if err := topics.Ensure(ctx, topics.Options{Brokers: brokers, TLS: kafkaTLS, SASL: login, Prefix: c.TopicPrefix, Partitions: c.Partitions, Replication: c.Replication, Progress: os.Stdout}); err != nil {
			return err
		}
	}
	cfg, err := c.Login("errata")
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
