package grouping

import (
	"strings"

	"errata/schema"
)

// TailOf says whether shorter is what longer ends with: two recordings of one
// failure, of which the second saw it further out. Frames are compared by
// function, file and line, innermost first; the outermost frames of shorter
// may be those of the recorder itself and are then skipped. Equal stacks are
// each other's tail. Empty stacks are nobody's.
func TailOf(shorter, longer []schema.Frame) bool {
	for len(shorter) > 0 && recorder(&shorter[0]) {
		shorter = shorter[1:]
	}
	n := len(shorter)
	if n == 0 || n > len(longer) {
		return false
	}
	from := 0
	if len(longer) >= schema.MaxFrames-1 {
		// The middle of a very long stack was cut: only its inner half lines up.
		from = max(0, n-schema.MaxFrames/2)
	}
	longer = longer[len(longer)-n:]
	for i := from; i < n; i++ {
		a, b := &shorter[i], &longer[i]
		if a.Line != b.Line || a.Function != b.Function || base(a.File, a.AbsPath) != base(b.File, b.AbsPath) {
			return false
		}
	}
	return true
}

// TailOfColumns is TailOf over the columns of two event rows.
func TailOfColumns(shorter, longer *schema.Event) bool {
	return TailOf(columns(shorter), columns(longer))
}

func columns(e *schema.Event) []schema.Frame {
	n := min(len(e.FramesFunction), len(e.FramesFile), len(e.FramesLine))
	out := make([]schema.Frame, n)
	for i := range out {
		out[i] = schema.Frame{Function: e.FramesFunction[i], AbsPath: e.FramesFile[i], Line: e.FramesLine[i]}
	}
	return out
}

// recorder says whether a frame is that of a tracer which records what passes.
func recorder(f *schema.Frame) bool {
	p := f.AbsPath
	if p == "" {
		p = f.File
	}
	switch f.Function {
	case "use_span", "start_as_current_span", "__exit__", "_agnosticcontextmanager", "inner", "wrapper":
		return strings.Contains(p, "/opentelemetry/") || strings.HasSuffix(p, "/contextlib.py")
	}
	return false
}
