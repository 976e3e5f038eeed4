package intake

import (
	"errata/schema"
	"errata/schema/grouping"
)

// Describe groups an event and fills the columns that follow from it: hashes,
// title, culprit, main exception and its frames. Both protocols go through
// here, so that one error looks the same whichever way it came. It returns the
// index of the main exception, -1 where there is none.
func (p *Project) Describe(ev *schema.Event, in *grouping.Input) int {
	r := p.Grouper.Group(in)
	ev.Hashes, ev.Fingerprint, ev.MainHash = r.Hashes, r.Hashes[0], r.MainHash
	ev.GroupingVersion, ev.GroupingReason, ev.DecidingComponent = p.Grouper.Version(), r.Reason, r.Component
	ev.Title, ev.Culprit = r.Title, r.Culprit
	ev.ExceptionType, ev.ExceptionValue = r.Type, r.Value
	ev.Handled, ev.Mechanism = r.Handled, r.Mechanism
	if r.Level != schema.Level_LEVEL_UNSPECIFIED {
		ev.Level = r.Level
	}
	frames := in.Stack
	if r.Main >= 0 {
		frames = in.Exceptions[r.Main].Frames
	}
	n := len(frames)
	names := make([]string, 2*n) // One memory for both.
	ev.FramesFunction, ev.FramesFile = names[:n:n], names[n:]
	ev.FramesLine = make([]uint32, n)
	if ev.FramesInApp = r.InApp; len(r.InApp) != n {
		ev.FramesInApp = make([]bool, n)
		copy(ev.FramesInApp, r.InApp)
	}
	for i := range frames {
		f := &frames[i]
		ev.FramesFunction[i], ev.FramesLine[i] = f.Function, f.Line
		ev.FramesFile[i] = f.AbsPath
		if f.AbsPath == "" {
			ev.FramesFile[i] = f.File
		}
	}
	return r.Main
}
