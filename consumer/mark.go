package consumer

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// mark is the metadata committed with an offset o. It makes the pair say: all
// records before o are in the tables; and, where End is set, [o, End) was
// announced and may or may not be there: it must be built again, exactly so.
type mark struct {
	V   int   `json:"v"`
	End int64 `json:"end,omitempty"`
	// Log names this life of the partition. A topic that is made anew counts
	// its offsets from 0 again; without a new name its tokens would repeat, and
	// ClickHouse would drop its blocks as known.
	Log string `json:"log"`
	// Sizes of the windows that the announced range was decided with.
	DuplicateRecords int64 `json:"dup,omitempty"`
	DuplicateRows    int   `json:"dup_rows,omitempty"`
	TwinRecords      int64 `json:"twin,omitempty"`
	// Rows that ClickHouse refuses; they go to the dead letters instead.
	Refused []rowID `json:"refused,omitempty"`
}

// rowID names a row by its table, its record and its place among the record's
// rows of that table.
type rowID struct {
	Table  string `json:"t"`
	Offset int64  `json:"o"`
	Item   int    `json:"i,omitempty"`
}

// markVersion is what this build writes. A newer one is not understood: the
// range it announces could not be built the same way.
const markVersion = 1

// maxMark bounds the metadata; Apache Kafka refuses more than 4096 bytes.
const maxMark = 4000

func newLogName() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // Never fails, by its contract.
	return hex.EncodeToString(b[:])
}

func (m mark) encode() string {
	m.V = markVersion
	b, _ := json.Marshal(m) // Cannot fail: plain fields only.
	return string(b)
}

// readMark reads metadata; ok is false where there is none of ours.
func readMark(s string) (m mark, ok bool, err error) {
	if s == "" {
		return mark{}, false, nil
	}
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		return mark{}, false, fmt.Errorf("cannot read the committed metadata %.80q: another program commits in this consumer group: %w", s, err)
	}
	if m.V > markVersion {
		return mark{}, false, fmt.Errorf("cannot read committed metadata of version %d: this build knows up to %d; run the newer build", m.V, markVersion)
	}
	return m, m.Log != "", nil
}
