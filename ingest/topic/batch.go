package topic

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"github.com/segmentio/kafka-go"
)

// The client's encoder moves each record through its pages five times before it
// is packed, and reads it all again for the checksum. This is Kafka's record batch,
// version 2, and nothing else: records one after the other, packed, with a head
// before them, and its size before that, as in a request.
const (
	batchSize = 4  // Bytes of the size.
	batchHead = 61 // Bytes of the head.
	crcFrom   = 21 // What follows this byte of the head is under its checksum.
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendRecord adds one record: its place in the batch, key and value. It has no
// headers and the time of the batch.
func appendRecord(to []byte, place int, m *Message) []byte {
	size := 2 + sizeOfInt(int64(place)) + sizeOfBytes(m.Key) + sizeOfBytes(m.Value) + 1
	to = binary.AppendVarint(to, int64(size))
	to = append(to, 0, 0) // Attributes, milliseconds after the batch's time.
	to = binary.AppendVarint(to, int64(place))
	to = appendBytes(to, m.Key)
	to = appendBytes(to, m.Value)
	return append(to, 0) // Headers.
}

// mostOverhead is what a record takes beside its key and value, at most.
const mostOverhead = 4*binary.MaxVarintLen32 + 3

func sizeOfInt(v int64) int {
	n := 1
	for u := uint64(v)<<1 ^ uint64(v>>63); u >= 0x80; u >>= 7 {
		n++
	}
	return n
}

func sizeOfBytes(b []byte) int {
	if b == nil {
		return 1
	}
	return sizeOfInt(int64(len(b))) + len(b)
}

func appendBytes(to, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(to, -1)
	}
	return append(binary.AppendVarint(to, int64(len(b))), b...)
}

// appendBatch adds a batch of n records, which are packed here.
func appendBatch(to, records []byte, n int, at time.Time, packing kafka.Compression) ([]byte, error) {
	start := len(to)
	var room [batchSize + batchHead]byte
	to, err := pack(append(to, room[:]...), records, packing)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(to[start:], uint32(len(to)-start-batchSize))
	b := to[start+batchSize:]
	millis := uint64(at.UnixMilli())
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12)) // Bytes that follow.
	binary.BigEndian.PutUint32(b[12:], math.MaxUint32)   // The leader's epoch is not known.
	b[16] = 2                                            // Version of the format.
	binary.BigEndian.PutUint16(b[21:], uint16(packing))
	binary.BigEndian.PutUint32(b[23:], uint32(n-1)) // Place of the last record.
	binary.BigEndian.PutUint64(b[27:], millis)      // Time of the first one,
	binary.BigEndian.PutUint64(b[35:], millis)      // and of the latest.
	for i := 43; i < 57; i++ {
		b[i] = 0xff // No id, epoch and sequence of an idempotent producer.
	}
	binary.BigEndian.PutUint32(b[57:], uint32(n))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[crcFrom:], castagnoli))
	return to, nil
}
