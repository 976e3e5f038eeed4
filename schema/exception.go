package schema

// The form that both protocols are turned into before grouping. These types do
// not travel on a topic: grouping, title and columns are made from them at the
// edge.

// InApp is what the client said of a frame; our own rules decide first.
type InApp uint8

// Values of InApp.
const (
	InAppUnknown InApp = iota
	InAppYes
	InAppNo
)

// Frame is one call of a stack, as its source gave it.
type Frame struct {
	Function    string
	RawFunction string // Native and C#: before trimming.
	Module      string
	File        string // filename: usually relative or a base name.
	AbsPath     string
	Package     string // Native image or assembly.
	Platform    string // Where it differs from the event's.
	ContextLine string
	Line        uint32
	Column      uint32
	InApp       InApp
}

// Mechanism says how an exception was caught.
type Mechanism struct {
	Type        string
	Handled     Handled
	Synthetic   bool
	ID          int // exception_id; -1 where absent.
	ParentID    int // parent_id; -1 where absent.
	IsGroup     bool
	Source      string
	NSErrorCode string // meta.ns_error as "domain:code", empty where absent.
}

// Exception is one member of a chain.
type Exception struct {
	Type      string // As the source spelled it, possibly qualified.
	Value     string
	Module    string
	Frames    []Frame // Oldest call first, as Sentry sends them.
	Mechanism Mechanism
}
