package item

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"errata/ingest/intake"
	"errata/ingest/mapping"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// File is bytes that belong to an event.
type File struct {
	EventID     []byte // 16 bytes; nil where no event is known.
	Name        string
	Type        string // attachment_type; empty means event.attachment.
	ContentType string
	ItemType    string // attachment, profile, replay_recording ...
	TraceID     string
	Data        []byte
}

// Attach accepts a file: its bytes go to the blob store, its row names them. A
// project's settings may drop it instead.
func (b *Batch) Attach(f *File) {
	row := &schema.Attachment{
		EventId: f.EventID, Name: tree.Clean(tree.Cut(b.scrubText(first(f.Name, f.ItemType)), schema.MaxPath)), Type: tree.Clean(tree.Cut(b.scrubText(first(f.Type, "event.attachment")), 64)),
		ContentType: tree.Clean(tree.Cut(b.scrubText(first(f.ContentType, "application/octet-stream")), 128)), Size: uint64(len(f.Data)),
		ItemType: f.ItemType, Timestamp: b.received() / 1000, TraceId: f.TraceID,
	}
	category := row.Category()
	if reason := b.unwanted(category); reason != "" {
		b.Drop(category, reason, 1, row.Size)
		return
	}
	b.Accept(category, 1, row.Size)
	row.Key = b.blobKey(row, f.Data)
	b.Attachments = append(b.Attachments, row)
	b.Blobs = append(b.Blobs, intake.Blob{Key: row.Key, ContentType: row.ContentType, Data: f.Data})
}

// unwanted returns the reason for which the project keeps nothing of a
// category, empty where it does.
func (b *Batch) unwanted(category string) string {
	s := b.Request.Project.Settings
	if s == nil {
		s = &intake.Settings{}
	}
	switch {
	case category == schema.CategoryProfile && !s.Keep.KeepProfiles():
		return "profiles_off"
	case category == schema.CategoryReplay && !s.Keep.KeepReplays():
		return "replays_off"
	case category == schema.CategoryAttachment && !s.Keep.KeepAttachments():
		return "attachments_off"
	}
	return ""
}

// blobKey names bytes by project, day, event and content: a retried request
// writes the same blob again.
func (b *Batch) blobKey(row *schema.Attachment, data []byte) string {
	id := "none"
	if len(row.EventId) > 0 {
		id = hex.EncodeToString(row.EventId)
	}
	var d xxhash.Digest
	d.Reset()
	for part := range mapping.Parts(data) {
		_, _ = d.Write(part)
	}
	h := d.Sum64()
	n := xxhash.Sum64String(row.Name + "\x00" + row.ItemType)
	return fmt.Sprintf("%d/%s/%s/%016x%016x", b.Request.Project.ID, b.Request.ReceivedAt.UTC().Format("2006-01-02"), id, h, n)
}

// NewID returns a random event id.
func NewID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // Never fails.
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

func uitoa(n uint64) string { return strconv.FormatUint(n, 10) }

// Reason makes a type that a client made up fit for a reason.
func (b *Batch) Reason(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, b.scrubText(s))
	return tree.Cut(s, 64)
}
