package window

import "errata/schema"

// Update is one stored or coming update of a session.
type Update struct {
	Session Key
	Seq     uint64
	Millis  int64
	Status  schema.SessionStatus
	Init    bool
}

// Key is the key of the update itself: the same one that is sent again has it too.
func (u *Update) Key() Key {
	mix := u.Session.B ^ u.Seq*0x9e3779b97f4a7c15 ^ uint64(u.Millis)*0xc2b2ae3d27d4eb4f ^ uint64(u.Status)*0x165667b19e3779f9
	return Key{Project: u.Session.Project, A: u.Session.A, B: mix}
}

// began is the key of a session that said it began.
func (u *Update) began() Key { return u.fact(1) }

// ended is the key of a session with the status of u; ok is false for one that
// is not counted by update.
func (u *Update) ended() (k Key, ok bool) {
	switch u.Status {
	case schema.SessionStatus_SESSION_CRASHED, schema.SessionStatus_SESSION_ABNORMAL, schema.SessionStatus_SESSION_UNHANDLED:
		return u.fact(2 + uint64(u.Status)), true
	default:
		return Key{}, false
	}
}

func (u *Update) fact(n uint64) Key {
	return Key{Project: u.Session.Project, A: ^u.Session.A, B: u.Session.B ^ n*0xd6e8feb86659fd93}
}

// Counted says whether an update before u counted its session as begun, and as
// ended in the status of u: a browser that crashed says so again when its page is
// left, and a client whose clock is off gives an update that it sends again
// another time.
func (s *Seen) Counted(u *Update) (began, ended bool) {
	began = s.Has(u.began())
	if k, ok := u.ended(); ok {
		ended = s.Has(k)
	}
	return began, ended
}

// AddUpdate remembers a stored update, and what it says of its session.
func (s *Seen) AddUpdate(offset int64, u *Update) {
	s.Add(offset, u.Key())
	if u.Init {
		s.Note(offset, u.began())
	}
	if k, ok := u.ended(); ok {
		s.Note(offset, k)
	}
}
