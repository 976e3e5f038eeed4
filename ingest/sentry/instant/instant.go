// Package instant reads the times that Sentry clients send and moves them to
// the server's clock. In: JSON values or text. Out: Unix microseconds. It never
// asks for the time itself: received_at is given.
package instant

import (
	"math"
	"strconv"
	"time"

	"errata/ingest/node"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// MinDrift is the difference of clocks from which on all times of an envelope
// are moved; smaller ones are delays of the network.
const MinDrift = 55 * time.Minute

// MaxFuture is how far ahead of the server an event may be.
const MaxFuture = 60 * time.Second

// Value reads a timestamp of any form: RFC 3339 text with or without a zone, or
// seconds as a number or in digits.
func Value(v *node.Value) (int64, bool) {
	if v == nil {
		return 0, false
	}
	switch v.Type() {
	case node.TypeNumber:
		f, err := v.Float64()
		if err != nil {
			return 0, false
		}
		return Seconds(f)
	case node.TypeString:
		return Text(tree.Str(v.GetStringBytes()))
	}
	return 0, false
}

// Seconds reads Unix seconds; years below 1970 and over 9999 are not times.
func Seconds(f float64) (int64, bool) {
	if !(f >= 0 && f < 253402300800) {
		return 0, false
	}
	return int64(math.Round(f * 1e6)), true
}

// Text reads RFC 3339, a superset of it without a zone or with a blank for the
// T, or digits.
func Text(s string) (int64, bool) {
	if us, ok := utc(s); ok {
		return us, true
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			if y := t.Year(); y < 1970 || y > 9999 {
				return 0, false
			}
			return t.UnixMicro(), true
		}
	}
	if len(s) == 0 || len(s) > 32 || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, false
	}
	return Seconds(f)
}

var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04", "2006-01-02",
}

// utc is the fast path for 2006-01-02T15:04:05[.digits][Z|+00:00].
func utc(s string) (int64, bool) {
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	year, a := two(s, 0)
	y2, b := two(s, 2)
	month, c := two(s, 5)
	day, d := two(s, 8)
	hour, e := two(s, 11)
	minute, f := two(s, 14)
	second, g := two(s, 17)
	year = year*100 + y2
	if !(a && b && c && d && e && f && g) || year < 1970 || month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	rest, us := s[19:], 0
	if len(rest) > 0 && rest[0] == '.' {
		n := 1
		for scale := 100000; n < len(rest) && rest[n] >= '0' && rest[n] <= '9'; n++ {
			us += int(rest[n]-'0') * scale
			scale /= 10
		}
		if n == 1 {
			return 0, false
		}
		rest = rest[n:]
	}
	if rest != "" && rest != "Z" && rest != "+00:00" {
		return 0, false
	}
	return days(year, month, day)*86400e6 + int64(hour*3600+minute*60+second)*1e6 + int64(us), true
}

func two(s string, i int) (int, bool) {
	a, b := s[i]-'0', s[i+1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

func daysIn(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// days counts days since 1970-01-01 in the Gregorian calendar.
func days(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}

// Drift returns how many microseconds are added to all times of an envelope
// that the client sent at sentAt by its own clock.
func Drift(receivedAt time.Time, sentAt int64) int64 {
	d := receivedAt.UnixMicro() - sentAt
	if d < MinDrift.Microseconds() && d > -MinDrift.Microseconds() {
		return 0
	}
	return d
}

// MaxAhead is how far ahead of the server a span, record or metric may be.
const MaxAhead = 24 * time.Hour

// Clamp keeps the time of a span, record or metric within what tables hold: one
// that is more than MaxAhead in the future or older than the retention becomes
// the time of receipt. Both times are Unix microseconds.
func Clamp(us int64, receivedAt time.Time, retentionDays uint32) (int64, bool) {
	now := receivedAt.UnixMicro()
	if us > now+MaxAhead.Microseconds() || us < now-int64(Days(retentionDays))*24*time.Hour.Microseconds() {
		return now, true
	}
	return us, false
}

// Days is a project's retention, the default where it names none.
func Days(retentionDays uint32) uint32 {
	if retentionDays == 0 {
		return schema.DefaultRetentionDays
	}
	return retentionDays
}

// Append writes us as RFC 3339 in UTC with microseconds.
func Append(dst []byte, us int64) []byte {
	const day = 86400e6
	d := us / day
	us -= d * day
	if us < 0 {
		us += day
		d--
	}
	y, m, dom := civil(d)
	if y < 0 || y > 9999 {
		return time.UnixMicro(d*day+us).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000Z")
	}
	s := int(us / 1e6)
	dst = digits(dst, y, 4)
	dst = digits(append(dst, '-'), m, 2)
	dst = digits(append(dst, '-'), dom, 2)
	dst = digits(append(dst, 'T'), s/3600, 2)
	dst = digits(append(dst, ':'), s/60%60, 2)
	dst = digits(append(dst, ':'), s%60, 2)
	dst = digits(append(dst, '.'), int(us%1e6), 6)
	return append(dst, 'Z')
}

// civil is the inverse of days.
func civil(z int64) (y, m, d int) {
	z += 719468
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := int(z - era*146097)
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + int(era)*400
	if m <= 2 {
		y++
	}
	return y, m, d
}

// digits writes n with leading zeros.
func digits(dst []byte, n, width int) []byte {
	var b [6]byte
	for i := width - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, b[:width]...)
}
