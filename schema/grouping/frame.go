package grouping

import (
	"strings"

	"github.com/cespare/xxhash/v2"

	"errata/schema"
)

// Cycles of up to this many frames are collapsed: recursion, direct or mutual,
// groups whatever its depth.
const maxCycle = 8

// stackHash adds the frames that count and returns how many did. app restricts
// them to those in app.
func (r *run) stackHash(h *hasher, frames []schema.Frame, inApp []bool, app bool) int {
	if len(frames) > maxFrames {
		frames, inApp = frames[len(frames)-maxFrames:], inApp[len(inApp)-maxFrames:]
	}
	var keys [maxFrames]uint64
	n := 0
	for i := range frames {
		if app && !inApp[i] {
			continue
		}
		k := frameHash(&frames[i], r.in.Platform)
		if k == 0 {
			continue
		}
		keys[n] = k
		n++
		for p := 1; p <= maxCycle && 2*p <= n; p++ {
			if cycle(keys[:n], p) {
				n -= p
				break
			}
		}
		r.last = frames[i].Function
	}
	for _, k := range keys[:n] {
		h.number(kindFrame, k)
	}
	return n
}

func cycle(keys []uint64, p int) bool {
	n := len(keys)
	for i := 1; i <= p; i++ {
		if keys[n-i] != keys[n-i-p] {
			return false
		}
	}
	return true
}

// frameHash is the key of one frame; 0 where it says nothing.
func frameHash(f *schema.Frame, platform string) uint64 {
	if f.Platform != "" {
		platform = f.Platform
	}
	var buf [512]byte
	b := buf[:0]
	b = appendFile(b, f, platform)
	b = append(b, 0)
	b = append(b, function(f, platform)...)
	b = append(b, 0)
	if platform == "python" || platform == "ruby" {
		b = appendContext(b, f.ContextLine)
	}
	if len(b) == 2 {
		return 0
	}
	return xxhash.Sum64(b)
}

// appendFile adds what names the place: the class where both protocols carry
// it, else the lower-case base name.
func appendFile(b []byte, f *schema.Frame, platform string) []byte {
	switch platform {
	case "java", "csharp":
		if f.Module != "" {
			return append(b, f.Module...)
		}
	}
	p := f.File
	if p == "" {
		p = f.AbsPath
	}
	if i := strings.LastIndexAny(p, `/\`); i >= 0 {
		p = p[i+1:]
	}
	for i := 0; i < len(p); i++ {
		c := p[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

// function is the last segment of a function's name.
func function(f *schema.Frame, platform string) string {
	s := f.Function
	if s == "?" {
		return ""
	}
	switch platform {
	case "python", "javascript", "node":
		if i := strings.LastIndexByte(s, '.'); i >= 0 && i+1 < len(s) {
			s = s[i+1:]
		}
	}
	return s
}

// maxContext is the longest context line that counts: longer ones are minified
// or generated.
const maxContext = 120

func appendContext(b []byte, line string) []byte {
	start, space := len(b), false
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			space = true
			continue
		}
		if space && len(b) > start {
			b = append(b, ' ')
		}
		space = false
		if len(b)-start >= maxContext {
			return b[:start]
		}
		b = append(b, c)
	}
	return b
}
