package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"errata/command/connect"
	"errata/consumer/replay"
)

type replayCmd struct {
	connect.Flags
	TopicPrefix string `help:"Text before each topic's name." env:"ERRATA_TOPIC_PREFIX"`
	DryRun      bool   `help:"Only list the dead letters that would be sent."`
	Again       bool   `help:"All dead letters, those of earlier replays too."`
	JSON        bool   `help:"Print JSON, one line a letter, then the sums."`
}

// Run sends dead letters through again and says what it did.
func (c *replayCmd) Run(ctx context.Context) error {
	brokers, err := c.Brokers()
	if err != nil {
		return err
	}
	kafkaTLS, login, err := c.KafkaSecurity()
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	cfg := replay.Config{Brokers: brokers, TLS: kafkaTLS, SASL: login, TopicPrefix: c.TopicPrefix, DryRun: c.DryRun, Again: c.Again}
	cfg.Each = func(l replay.Letter) {
		if c.JSON {
			_ = out.Encode(l)
			return
		}
		note := ""
		if l.Repeated {
			note = " (written twice, sent once)"
		}
		fmt.Printf("%s  %s/%d offset %d, %s: %s%s\n", l.At.UTC().Format("2006-01-02 15:04:05"), l.Topic, l.Partition, l.Offset, l.Stage, l.Reason, note)
	}
	r, err := replay.Run(ctx, cfg)
	if c.JSON {
		if err := out.Encode(r); err != nil {
			return fmt.Errorf("cannot print the result: %w", err)
		}
		return err
	}
	verb := "sent again"
	if c.DryRun {
		verb = "sent again (none: this was a dry run)"
	}
	fmt.Printf("%d dead letters read, %d %s, %d written twice, %d without content or place\n", r.Read, r.Sent, verb, r.Repeated, r.Useless)
	if err == nil && r.Sent > 0 {
		fmt.Println("The consumer stores them now; those it cannot store come back as new dead letters.")
	}
	return err
}
