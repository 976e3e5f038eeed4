package grouping

import (
	"strings"

	"errata/schema"
)

// decideInApp marks the frames of every exception, or of the stack.
func (r *run) decideInApp(res *Result) {
	total := len(r.in.Stack)
	if r.main >= 0 {
		total = 0
		for i := range r.exceptions {
			total += len(r.exceptions[i].Frames)
		}
	}
	if total == 0 {
		return
	}
	r.inApp = make([]bool, 0, total)
	if r.main < 0 {
		r.anyApp = r.mark(r.in.Stack)
		return
	}
	for i := range r.exceptions {
		app := r.mark(r.exceptions[i].Frames)
		r.anyApp = r.anyApp || app
		if i == r.main {
			r.appMain = app
		}
	}
	res.InApp = r.flags(r.main)
}

// flags are the decisions for the frames of exception i.
func (r *run) flags(i int) []bool {
	at := 0
	for j := 0; j < i; j++ {
		at += len(r.exceptions[j].Frames)
	}
	end := at + len(r.exceptions[i].Frames)
	return r.inApp[at:end:end]
}

func (r *run) mark(frames []schema.Frame) (any bool) {
	for i := range frames {
		app := inApp(&frames[i])
		any = any || app
		r.inApp = append(r.inApp, app)
	}
	return any
}

var libraries = []string{
	"/site-packages/", "/dist-packages/", "/lib/python", "<frozen ", "/node_modules/", "node:", "/vendor/", "/go/pkg/mod/",
}

func inApp(f *schema.Frame) bool {
	p := f.AbsPath
	if p == "" {
		p = f.File
	}
	for _, l := range libraries {
		if strings.Contains(p, l) {
			return false
		}
	}
	return f.InApp != schema.InAppNo
}
