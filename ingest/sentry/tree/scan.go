package tree

import "fmt"

// Members walks the members of one JSON object without parsing their values,
// so that a large container costs no more memory than one of its items. key
// holds the raw text between the quotes.
func Members(b []byte, f func(key, value []byte) error) error {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return fmt.Errorf("%w: expected an object", ErrSyntax)
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return trailing(b, i+1)
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return fmt.Errorf("%w: expected a key", ErrSyntax)
		}
		end, err := valueEnd(b, i)
		if err != nil {
			return err
		}
		key := b[i+1 : end-1]
		i = skipSpace(b, end)
		if i >= len(b) || b[i] != ':' {
			return fmt.Errorf("%w: expected a colon", ErrSyntax)
		}
		i = skipSpace(b, i+1)
		if end, err = valueEnd(b, i); err != nil {
			return err
		}
		if err := f(key, b[i:end]); err != nil {
			return err
		}
		i = skipSpace(b, end)
		switch {
		case i < len(b) && b[i] == ',':
			i = skipSpace(b, i+1)
		case i < len(b) && b[i] == '}':
			return trailing(b, i+1)
		default:
			return fmt.Errorf("%w: object is not closed", ErrSyntax)
		}
	}
}

// Elements walks the elements of one JSON array without parsing them.
func Elements(b []byte, f func(value []byte) error) error {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '[' {
		return fmt.Errorf("%w: expected a list", ErrSyntax)
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return trailing(b, i+1)
	}
	for {
		end, err := valueEnd(b, i)
		if err != nil {
			return err
		}
		if err := f(b[i:end]); err != nil {
			return err
		}
		i = skipSpace(b, end)
		switch {
		case i < len(b) && b[i] == ',':
			i = skipSpace(b, i+1)
		case i < len(b) && b[i] == ']':
			return trailing(b, i+1)
		default:
			return fmt.Errorf("%w: list is not closed", ErrSyntax)
		}
	}
}

func trailing(b []byte, i int) error {
	if skipSpace(b, i) != len(b) {
		return fmt.Errorf("%w: text after the end", ErrSyntax)
	}
	return nil
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// valueEnd returns the position after the value at i. It matches brackets and
// strings only; the parser checks the rest.
func valueEnd(b []byte, i int) (int, error) {
	start, depth := i, 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if i >= len(b) {
				return 0, fmt.Errorf("%w: text is not closed", ErrSyntax)
			}
			if depth == 0 {
				return i + 1, nil
			}
		case '{', '[':
			if depth++; depth > MaxDepth {
				return 0, ErrTooDeep
			}
		case '}', ']':
			if depth == 0 {
				if i == start {
					return 0, fmt.Errorf("%w: expected a value", ErrSyntax)
				}
				return i, nil
			}
			if depth--; depth == 0 {
				return i + 1, nil
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				if i == start {
					return 0, fmt.Errorf("%w: expected a value", ErrSyntax)
				}
				return i, nil
			}
		}
	}
	if depth > 0 || i == start {
		return 0, fmt.Errorf("%w: value is not closed", ErrSyntax)
	}
	return i, nil
}
