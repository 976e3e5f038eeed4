// Package replay sends dead letters through again. In: the topic of dead
// letters. Out: the same records on the topics they came from, in the
// partitions they came from. It never removes a letter: how far it came is
// kept as the committed offset of a consumer group of its own.
package replay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"
	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"

	"errata/consumer/letter"
	"errata/schema"
)

// Config says which letters to send.
type Config struct {
	Brokers     []string
	TopicPrefix string
	Group       string             // Default: errata-replay.
	TLS         *tls.Config        // Of connections to brokers; nil for plain ones.
	SASL        sasl.Mechanism     // How to log in to them; nil: nobody does.
	Transport   kafka.RoundTripper // Instead of both.
	Again       bool               // From the oldest letter on, not from where the last replay ended.
	DryRun      bool               // Only tell.
	// Each, where set, is called for every letter before it is sent.
	Each func(Letter)
}

// Letter is a dead letter and where it came from.
type Letter struct {
	Topic     string    `json:"topic"`
	Partition int       `json:"partition"`
	Offset    int64     `json:"offset"`
	Item      int       `json:"item"`
	Stage     string    `json:"stage"`
	Reason    string    `json:"reason"`
	At        time.Time `json:"at"`
	Bytes     int       `json:"bytes"`
	Repeated  bool      `json:"repeated"` // Written twice by a consumer that was killed: sent once.
	value     []byte
	identity  uint64
}

// Result counts what a run did.
type Result struct {
	Read     int `json:"read"`
	Sent     int `json:"sent"`
	Repeated int `json:"repeated"`
	Useless  int `json:"useless"` // Letters without coordinates or content.
}

// batch is how many letters are sent before the place is committed.
const batch = 100

// Run sends all letters that are in the topic now. It is safe to run it again
// after it was stopped anywhere: each record says which letter it was, and the
// consumer makes outcomes `duplicate` of one that it has seen.
func Run(ctx context.Context, cfg Config) (Result, error) {
	if cfg.Group == "" {
		cfg.Group = "errata-replay"
	}
	if cfg.Transport == nil {
		own := &kafka.Transport{ClientID: "errata-replay", TLS: cfg.TLS, SASL: cfg.SASL, DialTimeout: 5 * time.Second}
		defer own.CloseIdleConnections()
		cfg.Transport = own
	}
	r := &run{cfg: cfg, topic: cfg.TopicPrefix + schema.TopicDead, seen: map[uint64]bool{},
		client: &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: cfg.Transport, Timeout: 15 * time.Second}}
	r.writer = &kafka.Writer{Addr: kafka.TCP(cfg.Brokers...), Transport: cfg.Transport, RequiredAcks: kafka.RequireAll, BatchSize: batch,
		BatchBytes: schema.MaxRecordBytes + 64<<10, BatchTimeout: 5 * time.Millisecond, Compression: kafka.Lz4, Balancer: kafka.BalancerFunc(home)}
	defer r.writer.Close()
	parts, err := r.partitions(ctx)
	if err != nil {
		return r.result, err
	}
	for _, p := range parts {
		if err := r.partition(ctx, p); err != nil {
			return r.result, err
		}
	}
	return r.result, nil
}

type run struct {
	cfg    Config
	topic  string
	client *kafka.Client
	writer *kafka.Writer
	seen   map[uint64]bool
	result Result
}

// home puts a record into the partition that it came from, where the rows that
// decide about it are.
func home(m kafka.Message, partitions ...int) int {
	want, err := strconv.Atoi(header(m.Headers, letter.HeaderPartition))
	for _, p := range partitions {
		if err == nil && p == want {
			return p
		}
	}
	return partitions[0]
}

func header(all []kafka.Header, key string) string {
	for _, h := range all {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func (r *run) partitions(ctx context.Context) ([]int, error) {
	m, err := r.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{r.topic}})
	if err != nil {
		return nil, fmt.Errorf("cannot reach Kafka: %w", err)
	}
	var ids []int
	for _, t := range m.Topics {
		if t.Error != nil {
			return nil, fmt.Errorf("cannot read topic %s: %w", t.Name, t.Error)
		}
		for _, p := range t.Partitions {
			ids = append(ids, p.ID)
		}
	}
	return ids, nil
}

func (r *run) bounds(ctx context.Context, id int) (from, to int64, err error) {
	lo, err := r.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{r.topic: {kafka.FirstOffsetOf(id), kafka.LastOffsetOf(id)}}})
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read the bounds of %s: %w", r.topic, err)
	}
	for _, p := range lo.Topics[r.topic] {
		if p.Error != nil {
			return 0, 0, fmt.Errorf("cannot read the bounds of %s: %w", r.topic, p.Error)
		}
		from, to = p.FirstOffset, p.LastOffset
	}
	if r.cfg.Again {
		return from, to, nil
	}
	done, err := r.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: r.cfg.Group, Topics: map[string][]int{r.topic: {id}}})
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read where the last replay ended: %w", err)
	}
	for _, p := range done.Topics[r.topic] {
		if p.Error != nil {
			return 0, 0, fmt.Errorf("cannot read where the last replay ended: %w", p.Error)
		}
		from = max(from, p.CommittedOffset)
	}
	return from, to, nil
}

func (r *run) partition(ctx context.Context, id int) error {
	from, to, err := r.bounds(ctx, id)
	if err != nil {
		return err
	}
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		letters, next, err := r.read(ctx, id, from, to)
		if err != nil {
			return err
		}
		if err := r.send(ctx, letters); err != nil {
			return err
		}
		if !r.cfg.DryRun {
			if err := r.commit(ctx, id, next); err != nil {
				return err
			}
		}
		from = next
	}
	return nil
}

// read fetches letters of [from, to), about a batch of them.
func (r *run) read(ctx context.Context, id int, from, to int64) ([]Letter, int64, error) {
	f, err := r.client.Fetch(ctx, &kafka.FetchRequest{Topic: r.topic, Partition: id, Offset: from, MinBytes: 1, MaxBytes: 4 << 20, MaxWait: 500 * time.Millisecond})
	if err == nil {
		err = f.Error
	}
	if err != nil {
		return nil, from, fmt.Errorf("cannot read dead letters: %w", err)
	}
	var letters []Letter
	for from < to && len(letters) < batch {
		m, err := f.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, from, fmt.Errorf("cannot read dead letters: %w", err)
		}
		value, err := kafka.ReadAll(m.Value)
		if err != nil {
			return nil, from, fmt.Errorf("cannot read dead letters: %w", err)
		}
		if m.Offset < from {
			continue
		}
		from = m.Offset + 1
		l := Letter{Topic: header(m.Headers, letter.HeaderTopic), Stage: header(m.Headers, letter.HeaderStage),
			Reason: header(m.Headers, letter.HeaderReason), At: m.Time, Bytes: len(value), value: value}
		l.Partition, _ = strconv.Atoi(header(m.Headers, letter.HeaderPartition))
		l.Offset, _ = strconv.ParseInt(header(m.Headers, letter.HeaderOffset), 10, 64)
		l.Item, _ = strconv.Atoi(header(m.Headers, letter.HeaderItem))
		l.identity = identity(&l)
		l.Repeated = r.seen[l.identity]
		r.seen[l.identity] = true
		letters = append(letters, l)
	}
	return letters, from, nil
}

// identity names a letter: the same for one that a consumer wrote again after it was
// killed, another one for each row that died of one record. The content is part
// of it, since rows of several tables have the same place and a topic that is made
// anew counts its offsets from the start.
func identity(l *Letter) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = fmt.Fprintf(&d, "%s/%s/%d/%d/%d/", l.Topic, l.Stage, l.Partition, l.Offset, l.Item)
	_, _ = d.Write(l.value)
	return max(d.Sum64(), 1) // 0 is none.
}

func (r *run) send(ctx context.Context, letters []Letter) error {
	var out []kafka.Message
	for _, l := range letters {
		r.result.Read++
		if r.cfg.Each != nil {
			r.cfg.Each(l)
		}
		value, err := revive(l)
		switch {
		case l.Repeated:
			r.result.Repeated++
		case l.Topic == "" || err != nil:
			r.result.Useless++
		default:
			out = append(out, kafka.Message{Topic: l.Topic, Value: value, Headers: []kafka.Header{
				{Key: letter.HeaderPartition, Value: strconv.AppendInt(nil, int64(l.Partition), 10)},
				{Key: letter.HeaderLetter, Value: strconv.AppendUint(nil, l.identity, 16)}}})
		}
	}
	if r.cfg.DryRun || len(out) == 0 {
		return nil
	}
	if err := r.writer.WriteMessages(ctx, out...); err != nil {
		return fmt.Errorf("cannot send dead letters again: %w", err)
	}
	r.result.Sent += len(out)
	return nil
}

// revive makes a record for the topic of a letter. A record that could not be
// read goes as it is: its receipts are in it. A row that was refused was
// counted as taken in and as dead; sent again it is taken in again, so the
// ledger stays balanced.
func revive(l Letter) ([]byte, error) {
	if len(l.value) == 0 {
		return nil, errors.New("the letter is empty")
	}
	if l.Stage != letter.StageInsert {
		return l.value, nil
	}
	var r schema.Record
	if err := schema.DecodeRecord(&r, l.value); err != nil {
		return nil, err
	}
	r.Receipts, r.Outcomes = nil, nil
	accept := func(category string, n uint64) {
		if category != "" {
			r.Receipts = append(r.Receipts, &schema.Receipt{Category: category, Quantity: n, Bytes: uint64(len(l.value))})
		}
	}
	if r.Event != nil {
		accept(r.Event.Category(), uint64(max(r.Event.Weight, 1)))
	}
	for _, x := range r.Attachments {
		accept(x.Category(), 1)
	}
	for _, x := range r.Feedback {
		accept(x.Category(), 1)
	}
	for _, x := range r.Spans {
		accept(x.Category(), 1)
	}
	for _, x := range r.Logs {
		accept(x.Category(), 1)
	}
	for _, x := range r.Sessions {
		accept(x.Category(), 1)
	}
	for _, x := range r.CheckIns {
		accept(x.Category(), 1)
	}
	for _, x := range r.Metrics {
		accept(x.Category(), 1)
	}
	return schema.EncodeRecord(&r)
}

func (r *run) commit(ctx context.Context, id int, offset int64) error {
	c, err := r.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: r.cfg.Group, GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{r.topic: {{Partition: id, Offset: offset}}}})
	if err != nil {
		return fmt.Errorf("cannot note how far the replay came: %w", err)
	}
	for _, p := range c.Topics[r.topic] {
		if p.Error != nil {
			return fmt.Errorf("cannot note how far the replay came: %w", p.Error)
		}
	}
	return nil
}
