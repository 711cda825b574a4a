package wire

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// layout is the shape of a structure on the wire, in one version of one API.
type layout struct {
	fields []field // in the order of the wire; neighbours of fixed size are one
	tags   []field // that kmsg decodes, by number
	tagged bool    // ends with tags
	least  int     // the fewest bytes it takes
	memory int     // bytes of it once decoded, without what it points to
}

// field is one value, or several neighbours of fixed size.
type field struct {
	kind  fieldKind
	width int // of ofFixed, in bytes
	tag   uint32
	elem  *layout // of ofArray, ofStruct, ofPointer
}

type fieldKind int8

const (
	ofFixed fieldKind = iota
	ofString
	ofNullable // a string behind a pointer
	ofBytes
	ofArray
	ofStruct
	ofPointer // a structure behind a byte that says whether it is there
)

// plain tells whether every value of the layout has the same width.
func (l *layout) plain() (width int, ok bool) {
	switch {
	case l.tagged || len(l.fields) > 1:
		return 0, false
	case len(l.fields) == 0:
		return 0, true
	}
	return l.fields[0].width, l.fields[0].kind == ofFixed
}

// layouts are the shapes of an API's requests, each derived when it is asked for first.
type layouts struct {
	first    int16 // version
	versions []func() *requestLayout
}

// requestLayout is the shape of a request.
type requestLayout struct {
	layout
	flexible bool // lengths are compact (KIP-482)
}

func newLayouts(key, first, last int16) *layouts {
	l := &layouts{first: first, versions: make([]func() *requestLayout, 0, max(0, last-first+1))}
	for version := first; version <= last; version++ {
		l.versions = append(l.versions, sync.OnceValue(func() *requestLayout { return deriveLayout(key, version) }))
	}
	return l
}

// of is the shape of a version between the first and the last.
func (l *layouts) of(version int16) *requestLayout { return l.versions[version-l.first]() }

// deriveLayout finds out what kmsg reads for (key, version), which must be known to it. kmsg has no description of its messages other than the code that
// reads and writes them, so each field is changed in turn: it is there when that changes what is written, and its place is that
// of the first byte that differs.
func deriveLayout(key, version int16) *requestLayout {
	request := func() kmsg.Request {
		r := kmsg.RequestForKey(key)
		r.SetVersion(version)
		return r
	}
	d := deriver{flexible: request().IsFlexible()}
	l := d.structure(func() (kmsg.Request, reflect.Value) {
		r := request()
		return r, reflect.ValueOf(r).Elem()
	})
	return &requestLayout{layout: *l, flexible: d.flexible}
}

type deriver struct{ flexible bool }

// place makes a request in which a value is written, and finds that value in it.
type place func() (kmsg.Request, reflect.Value)

// encoded is the request after a change to the value.
func (at place) encoded(change func(reflect.Value)) []byte {
	r, v := at()
	change(v)
	return r.AppendTo(nil)
}

func unchanged(reflect.Value) {}

// then finds a value within the value.
func (at place) then(within func(reflect.Value) reflect.Value) place {
	return func() (kmsg.Request, reflect.Value) {
		r, v := at()
		return r, within(v)
	}
}

const (
	tagsField    = "UnknownTags"
	versionField = "Version" // of the request itself
	strangeTag   = 100       // no tag kmsg knows
)

// placed is a field and where it was seen.
type placed struct {
	field
	at     int
	tagged bool
}

// structure derives the layout of the structure at a place.
func (d deriver) structure(at place) *layout {
	r, v := at()
	typ := v.Type()
	root := reflect.TypeOf(r).Elem() == typ
	l := &layout{tagged: d.flexible, memory: int(typ.Size())}
	var found []placed
	for i := range typ.NumField() {
		if name := typ.Field(i).Name; name == tagsField || root && name == versionField {
			continue
		}
		if f, there := d.field(at.then(func(v reflect.Value) reflect.Value { return v.Field(i) })); there {
			found = append(found, f)
		}
	}
	slices.SortStableFunc(found, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	for _, f := range found {
		if f.tagged {
			l.tags = append(l.tags, f.field)
		} else {
			l.add(f.field, d.flexible)
		}
	}
	if l.tagged {
		l.least++ // their number
	}
	return l
}

// add appends a field.
func (l *layout) add(f field, flexible bool) {
	l.least += f.least(flexible)
	if n := len(l.fields); f.kind == ofFixed && n > 0 && l.fields[n-1].kind == ofFixed {
		l.fields[n-1].width += f.width
		return
	}
	l.fields = append(l.fields, f)
}

// least is the fewest bytes a field takes.
func (f *field) least(flexible bool) int {
	switch {
	case f.kind == ofFixed:
		return f.width
	case f.kind == ofStruct:
		return f.elem.least
	case flexible || f.kind == ofPointer:
		return 1
	case f.kind == ofString || f.kind == ofNullable:
		return 2
	}
	return 4
}

// field derives the field at a place, if it is written in this version.
func (d deriver) field(at place) (f placed, there bool) {
	before, after := at.encoded(unchanged), at.encoded(d.change)
	if bytes.Equal(before, after) {
		return placed{}, false
	}
	f.at = firstDifference(before, after)
	_, v := at()
	f.field = d.shape(v.Type(), at)
	if d.flexible && d.isTagged(&f.field, at, before, after) {
		// The first byte that differs is the number of tags; the tag's own number follows, and all of kmsg's are of one byte.
		f.tagged, f.tag = true, uint32(after[f.at+1])
	}
	return f, true
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// isTagged tells whether a change had a field written among the tags, with a number and a size of a byte each, rather than in its place.
func (d deriver) isTagged(f *field, at place, before, after []byte) bool {
	grown := len(after) - len(before)
	switch f.kind {
	case ofFixed:
		return grown != 0
	case ofString, ofNullable, ofBytes:
		return grown != 1
	case ofArray:
		twice := at.encoded(func(v reflect.Value) { resize(v, 2) })
		return grown != len(twice)-len(after)
	case ofStruct:
		return grown != 2 // the number and size of a tag without a value
	default:
		return before[firstDifference(before, after)] != 0xff
	}
}

// shape is the field of a type. It panics on a type that kmsg's requests have none of, which the tests would find.
func (d deriver) shape(typ reflect.Type, at place) field {
	switch typ.Kind() {
	case reflect.Bool, reflect.Int8, reflect.Int16, reflect.Uint16, reflect.Int32, reflect.Int64, reflect.Float64, reflect.Array:
		return field{kind: ofFixed, width: int(typ.Size())}
	case reflect.String:
		return field{kind: ofString}
	case reflect.Struct:
		return field{kind: ofStruct, elem: d.structure(at.then(d.written))}
	case reflect.Pointer:
		if typ.Elem().Kind() == reflect.String {
			return field{kind: ofNullable}
		}
		return field{kind: ofPointer, elem: d.structure(at.then(d.written))}
	case reflect.Slice:
		if typ.Elem().Kind() == reflect.Uint8 {
			return field{kind: ofBytes}
		}
		return field{kind: ofArray, elem: d.element(typ.Elem(), at.then(d.written))}
	}
	panic(fmt.Sprintf("wire: no layout for %v", typ))
}

// element is the layout of an array's element.
func (d deriver) element(typ reflect.Type, at place) *layout {
	if typ.Kind() == reflect.Struct {
		return d.structure(at)
	}
	l := &layout{memory: int(typ.Size())}
	l.add(d.shape(typ, at), d.flexible)
	return l
}

// written makes sure that a value is written and returns the structure or element in it.
func (d deriver) written(v reflect.Value) reflect.Value {
	d.change(v)
	switch v.Kind() {
	case reflect.Slice:
		return v.Index(0)
	case reflect.Pointer:
		return v.Elem()
	}
	return v
}

// change gives a value another than its default.
func (d deriver) change(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(v.Int() ^ 1)
	case reflect.Uint16, reflect.Uint8:
		v.SetUint(v.Uint() ^ 1)
	case reflect.Float64:
		v.SetFloat(v.Float() + 1)
	case reflect.Array:
		d.change(v.Index(0))
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Slice:
		resize(v, 1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if v.Elem().Kind() == reflect.String {
			v.Elem().SetString("x")
			return
		}
		setDefault(v.Elem())
	case reflect.Struct:
		d.changeStruct(v)
	}
}

// changeStruct gives a structure a tag, or other fields where there are no tags.
func (d deriver) changeStruct(v reflect.Value) {
	if d.flexible {
		tags, _ := reflect.TypeAssert[*kmsg.Tags](v.FieldByName(tagsField).Addr())
		tags.Set(strangeTag, nil)
		return
	}
	for i := range v.NumField() {
		if v.Type().Field(i).Name != tagsField {
			d.change(v.Field(i))
		}
	}
}

// resize makes a slice of n default elements.
func resize(v reflect.Value, n int) {
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		setDefault(v.Index(i))
	}
}

func setDefault(v reflect.Value) {
	if with, ok := reflect.TypeAssert[interface{ Default() }](v.Addr()); ok {
		with.Default()
	}
}
