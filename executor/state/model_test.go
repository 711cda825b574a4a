package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand"
	"sort"
	"testing"
	"time"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

var seedFlag = flag.Int64("seed", 0, "seed of the model tests; 0: by the clock")

func seed(t *testing.T) *rand.Rand {
	s := *seedFlag
	if s == 0 {
		s = time.Now().UnixNano()
	}
	t.Logf("seed %d", s)
	return rand.New(rand.NewSource(s))
}

// counted is a store under test with a table of (window, key) to a count and a text in the arena.
type counted struct {
	store *Store
	table *Table
	keys  Keys
}

// modelKey is window start and key.
type modelKey struct {
	win int64
	key string
}

type modelValue struct {
	count uint64
	text  string
}

type model map[modelKey]modelValue

const modelBucket = 100

func newCounted(budget *Budget, fixed bool) *counted {
	s := NewStore(Options{Budget: budget})
	l := Layout{
		Name: "t", KeyTypes: []types.Type{types.Of(types.String), types.Of(types.BigInt)}, ValueWords: 2, ArenaWords: []int{1},
		WindowKey: 1, BucketWidth: modelBucket,
	}
	if fixed {
		l.KeyTypes[0] = types.Of(types.Int)
	}
	table, _ := s.Table(l)
	return &counted{store: s, table: table}
}

func keyVectors(ks []modelKey, fixed bool) []*vector.Vector {
	a, b := vector.New(types.Of(types.String), 0), vector.New(types.Of(types.BigInt), 0)
	if fixed {
		a = vector.New(types.Of(types.Int), 0)
	}
	for _, k := range ks {
		if fixed {
			a.AppendInt(int64(len(k.key)*1000) + int64(k.key[0]))
		} else {
			a.AppendString(k.key)
		}
		b.AppendInt(k.win)
	}
	return []*vector.Vector{a, b}
}

// add counts ks one by one and appends to their texts.
func (c *counted) add(ks []modelKey, fixed bool) error {
	rows := make([]uint16, len(ks))
	for i := range rows {
		rows[i] = uint16(i)
	}
	c.store.Lock()
	defer c.store.Unlock()
	c.table.Encode(&c.keys, keyVectors(ks, fixed), rows)
	return c.table.Probe(&c.keys, func(p *Part) error {
		for j, s := range p.Slots {
			w := p.Words[int(s)*p.Stride+p.Offset:]
			w[0]++
			text := append(append([]byte{}, p.Arena.Get(w[1])...), ks[p.Rows[j]].key[0])
			w[1] = p.Arena.Put(w[1], text)
		}
		return nil
	})
}

func (c *counted) remove(ks []modelKey, fixed bool) error {
	rows := make([]uint16, len(ks))
	for i := range rows {
		rows[i] = uint16(i)
	}
	c.store.Lock()
	defer c.store.Unlock()
	c.table.Encode(&c.keys, keyVectors(ks, fixed), rows)
	return c.table.Probe(&c.keys, func(p *Part) error {
		for _, s := range p.Slots {
			p.Remove(s)
		}
		return nil
	})
}

// read collects everything as of now.
func (c *counted) read() model {
	c.store.Lock()
	defer c.store.Unlock()
	out := model{}
	cols := keyVectors(nil, c.table.fixed)
	_ = c.table.Each(-1<<62, 1<<62, 7, func(p *Part) error {
		for _, s := range p.Slots {
			_ = p.AppendKey(s, cols)
			w := p.Words[int(s)*p.Stride+p.Offset:]
			out[keyAt(cols)] = modelValue{w[0], string(p.Arena.Get(w[1]))}
		}
		return nil
	})
	return out
}

// keyBytesMax bounds the keys of the model: the number behind a fuzzer's may be any.
const keyBytesMax = 1 << 10

func keyAt(cols []*vector.Vector) modelKey {
	i := cols[1].Len() - 1
	k := modelKey{win: cols[1].I[i]}
	if cols[0].Type.ID == types.Int {
		n := cols[0].I[i]
		k.key = string(bytes.Repeat([]byte{byte(n % 1000)}, max(0, min(int(n/1000), keyBytesMax))))
	} else {
		k.key = string(cols[0].Bytes(i))
	}
	return k
}

// readAsOf collects everything as of a snapshot.
func (c *counted) readAsOf(n *Snapshot) model {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	out := model{}
	cols := keyVectors(nil, c.table.fixed)
	for _, at := range c.table.places(n.epoch) {
		c.table.eachAsOf(at, n.epoch, func(b *bucket, slot []uint64, _ uint64, value []uint64) {
			g := b.groups[at.group]
			for s := uint32(0); uint64(s) <= g.mask; s++ {
				if &g.slot(c.table, s)[0] == &slot[0] {
					_ = c.table.appendKey(cols, g, s)
				}
			}
			out[keyAt(cols)] = modelValue{value[0], string(b.arena.Get(value[1]))}
		})
	}
	return out
}

func diff(want, got model) string {
	var out []string
	for k, v := range want {
		if got[k] != v {
			out = append(out, fmt.Sprintf("%v: want %v, got %v", k, v, got[k]))
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok {
			out = append(out, fmt.Sprintf("%v: unexpected %v", k, v))
		}
	}
	sort.Strings(out)
	return fmt.Sprint(out)
}

// records is a changelog.
type records struct {
	recs [ChangelogPartitions][][2][]byte
}

func (r *records) Write(p int32, key, value []byte) error {
	r.recs[p] = append(r.recs[p], [2][]byte{bytes.Clone(key), bytes.Clone(value)})
	return nil
}

func (r *records) positions() *Positions {
	var at Positions
	for p := range r.recs {
		at[p] = int64(len(r.recs[p]))
	}
	return &at
}

func (r *records) truncate(at Positions) {
	for p := range r.recs {
		r.recs[p] = r.recs[p][:at[p]]
	}
}

func randomKeys(rnd *rand.Rand, from int64) []modelKey {
	ks := make([]modelKey, 1+rnd.Intn(40))
	for i := range ks {
		ks[i] = modelKey{win: (from + int64(rnd.Intn(4))) * 50, key: string(bytes.Repeat([]byte{byte('a' + rnd.Intn(26))}, 1+rnd.Intn(30)))}
	}
	return ks
}

// TestModel runs random changes, seals, commits, aborts, drops, snapshots, dumps and restarts against Go maps.
func TestModel(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		t.Run(fmt.Sprintf("fixed=%v", fixed), func(t *testing.T) { runModel(t, seed(t), fixed) })
	}
}

type modelRun struct {
	t         *testing.T
	rnd       *rand.Rand
	fixed     bool
	budget    *Budget
	c         *counted
	now       model
	sealed    []model // by epoch, not committed
	sealedAt  []Positions
	committed model
	epoch     uint64 // last committed
	log       records
	logAt     Positions // of committed
	from      int64     // smallest window index in use
	snaps     []*Snapshot
	snapWant  []model
	dump      []byte
}

func runModel(t *testing.T, rnd *rand.Rand, fixed bool) {
	m := &modelRun{t: t, rnd: rnd, fixed: fixed, budget: NewBudget(0), now: model{}, committed: model{}}
	m.c = newCounted(m.budget, fixed)
	for step := range 1500 {
		m.step()
		if step%50 == 0 {
			m.check(step)
		}
	}
	m.check(-1)
	for _, s := range m.snaps {
		s.Release()
	}
	m.c.store.Close()
	if used := m.budget.Used(); used != 0 {
		t.Fatalf("%d bytes are still counted after Close", used)
	}
}

func (m *modelRun) must(err error) {
	if err != nil {
		m.t.Helper()
		m.t.Fatal(err)
	}
}

func (m *modelRun) step() {
	switch m.rnd.Intn(20) {
	default:
		ks := randomKeys(m.rnd, m.from)
		m.must(m.c.add(ks, m.fixed))
		for _, k := range ks {
			v := m.now[k]
			m.now[k] = modelValue{v.count + 1, v.text + k.key[:1]}
		}
	case 0, 1:
		ks := randomKeys(m.rnd, m.from)
		m.must(m.c.remove(ks, m.fixed))
		for _, k := range ks {
			delete(m.now, k)
		}
	case 2, 3:
		m.must(m.c.store.DirtyInto(m.epoch+uint64(len(m.sealed))+1, &m.log))
		m.sealed = append(m.sealed, maps.Clone(m.now))
		m.sealedAt = append(m.sealedAt, *m.log.positions())
	case 4, 5:
		m.commit()
	case 6:
		if m.rnd.Intn(4) == 0 {
			m.rollback()
		}
	case 7:
		m.from++
		limit := m.from * 50
		m.c.store.Lock()
		m.c.table.DropBefore(limit)
		m.c.store.Unlock()
		maps.DeleteFunc(m.now, func(k modelKey, _ modelValue) bool { return k.win/modelBucket < limit/modelBucket })
	case 8:
		m.snaps = append(m.snaps, m.c.store.Pin())
		m.snapWant = append(m.snapWant, maps.Clone(m.committed))
	case 9:
		if len(m.snaps) > 0 {
			i := m.rnd.Intn(len(m.snaps))
			m.snaps[i].Release()
			m.snaps = append(m.snaps[:i], m.snaps[i+1:]...)
			m.snapWant = append(m.snapWant[:i], m.snapWant[i+1:]...)
		}
	case 10:
		var b bytes.Buffer
		m.must(m.c.store.Dump(&b))
		m.dump = b.Bytes()
	case 11:
		if m.rnd.Intn(3) == 0 {
			m.restart()
		}
	}
}

// commit makes the oldest sealed epoch durable.
func (m *modelRun) commit() {
	if len(m.sealed) == 0 {
		return
	}
	m.epoch++
	m.committed, m.logAt = m.sealed[0], m.sealedAt[0]
	m.sealed, m.sealedAt = m.sealed[1:], m.sealedAt[1:]
	m.c.store.Committed(m.epoch, &m.logAt)
}

// rollback aborts what is not committed; the log's readers do not see the aborted suffix.
func (m *modelRun) rollback() {
	m.c.store.Rollback()
	m.now, m.sealed, m.sealedAt = maps.Clone(m.committed), nil, nil
	m.log.truncate(m.logAt)
}

// restart loses the process: the dump, if there is one, and the changelog's committed part bring the committed state back.
func (m *modelRun) restart() {
	m.rollback()
	for _, s := range m.snaps {
		s.Release()
	}
	m.snaps, m.snapWant = nil, nil
	m.c.store.Close()
	m.c = newCounted(m.budget, m.fixed)
	var at Positions
	if m.dump != nil {
		var err error
		at, err = m.c.store.Load(bytes.NewReader(m.dump))
		m.must(err)
	}
	for p := range m.log.recs {
		for _, r := range m.log.recs[p][at[p]:] {
			m.must(m.c.store.Restore(r[0], r[1]))
		}
	}
	m.epoch = 0
	m.c.store.Committed(0, &m.logAt)
}

func (m *modelRun) check(step int) {
	m.t.Helper()
	if got := m.c.read(); !maps.Equal(m.now, got) {
		m.t.Fatalf("step %d: now: %s", step, diff(m.now, got))
	}
	if n := m.c.table.Len(); n != len(m.now) {
		m.t.Fatalf("step %d: Len is %d, not %d", step, n, len(m.now))
	}
	for i, s := range m.snaps {
		if got := m.c.readAsOf(s); !maps.Equal(m.snapWant[i], got) {
			m.t.Fatalf("step %d: snapshot of epoch %d: %s", step, s.epoch, diff(m.snapWant[i], got))
		}
	}
}

// TestDumpWhileChanging dumps a store that goes on, and restores it from the dump and the changelog after it.
func TestDumpWhileChanging(t *testing.T) {
	rnd := seed(t)
	c, log, want := newCounted(nil, false), &records{}, model{}
	change := func(epoch uint64) {
		for range 5 {
			ks := randomKeys(rnd, 0)
			if err := c.add(ks, false); err != nil {
				t.Fatal(err)
			}
			for _, k := range ks {
				v := want[k]
				want[k] = modelValue{v.count + 1, v.text + k.key[:1]}
			}
		}
		if err := c.store.DirtyInto(epoch, log); err != nil {
			t.Fatal(err)
		}
		c.store.Committed(epoch, log.positions())
	}
	change(1)
	epoch := uint64(1)
	var dump bytes.Buffer
	if err := c.store.Dump(writerFunc(func(b []byte) (int, error) { // every write of the dump lets an epoch pass
		epoch++
		change(epoch)
		return dump.Write(b)
	})); err != nil {
		t.Fatal(err)
	}
	change(epoch + 1)
	back := newCounted(nil, false)
	at, err := back.store.Load(bytes.NewReader(dump.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for p := range log.recs {
		for _, r := range log.recs[p][at[p]:] {
			if err := back.store.Restore(r[0], r[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := back.read(); !maps.Equal(want, got) {
		t.Fatal(diff(want, got))
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestDumpOfAnotherLayoutOrDamaged(t *testing.T) {
	c := newCounted(nil, false)
	if err := c.add(randomKeys(rand.New(rand.NewSource(1)), 0), false); err != nil {
		t.Fatal(err)
	}
	if err := c.store.DirtyInto(1, nil); err != nil {
		t.Fatal(err)
	}
	c.store.Committed(1, nil)
	var dump bytes.Buffer
	if err := c.store.Dump(&dump); err != nil {
		t.Fatal(err)
	}
	if _, err := newCounted(nil, true).store.Load(bytes.NewReader(dump.Bytes())); err == nil || !bytes.Contains([]byte(err.Error()), []byte("layout")) {
		t.Fatalf("another layout: %v", err)
	}
	for i := 0; i < dump.Len(); i += 3 {
		bad := bytes.Clone(dump.Bytes())
		bad[i] ^= 0x40
		back := newCounted(nil, false)
		if _, err := back.store.Load(bytes.NewReader(bad)); err == nil {
			t.Fatalf("byte %d was flipped and nobody saw it", i)
		}
		if back.table.Len() != 0 {
			t.Fatal("a bad dump left something behind")
		}
		if _, err := back.store.Load(bytes.NewReader(dump.Bytes()[:i])); err == nil {
			t.Fatalf("the dump was cut off at %d and nobody saw it", i)
		}
	}
}

func TestBudget(t *testing.T) {
	c := newCounted(NewBudget(64<<10), false)
	var err error
	for i := 0; err == nil && i < 10_000; i++ {
		err = c.add([]modelKey{{0, fmt.Sprintf("key %d", i)}}, false)
	}
	if _, ok := errors.AsType[*BudgetError](err); !ok {
		t.Fatalf("no budget error: %v", err)
	}
	c.store.Rollback()
	if c.table.Len() != 0 {
		t.Fatal("the rollback left something")
	}
}

func FuzzRestore(f *testing.F) {
	for _, fixed := range []bool{false, true} {
		c, log := newCounted(nil, fixed), &records{}
		_ = c.add(randomKeys(rand.New(rand.NewSource(1)), 0), fixed)
		c.table.DropBefore(100)
		_ = c.store.DirtyInto(1, log)
		for _, p := range log.recs {
			for _, r := range p {
				f.Add(fixed, r[0], r[1])
			}
		}
	}
	f.Fuzz(func(_ *testing.T, fixed bool, key, value []byte) {
		c := newCounted(nil, fixed)
		if err := c.store.Restore(key, value); err != nil {
			return
		}
		c.read()
		_ = c.store.DirtyInto(1, &records{})
		c.store.Close()
	})
}

func FuzzLoad(f *testing.F) {
	c := newCounted(nil, false)
	_ = c.add(randomKeys(rand.New(rand.NewSource(1)), 0), false)
	_ = c.store.DirtyInto(1, nil)
	c.store.Committed(1, nil)
	var dump bytes.Buffer
	_ = c.store.Dump(&dump)
	f.Add(dump.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newCounted(nil, false)
		if _, err := c.store.Load(bytes.NewReader(b)); err != nil && c.table.Len() != 0 {
			t.Fatal("a bad dump left something behind")
		}
		if len(b) > 0 && len(b) < 1<<16 { // sections behind a good header and checksum
			_ = c.store.loadGroup(&c.keys, append([]byte{sectionGroup}, b...))
		}
	})
}

func FuzzReadValue(f *testing.F) {
	typ := types.ArrayOf(types.StructOf(types.Field{Name: "a", Type: types.MapOf(types.Of(types.String), types.Of(types.Decimal))}))
	v := vector.New(typ, 0)
	d := vector.Datum{Type: typ, Kids: []vector.Datum{{Kids: []vector.Datum{{Kids: []vector.Datum{vector.StringOf("x"), {D: vector.FromInt64(15), Scale: 1}}}}}}}
	f.Add(AppendDatum(nil, &d))
	f.Add(binary.AppendUvarint([]byte{1}, 1<<40))
	f.Fuzz(func(t *testing.T, b []byte) {
		v.Truncate()
		rest, err := ReadValue(b, v)
		skipped, skipErr := skipValue(b, typ, 0)
		if (err == nil) != (skipErr == nil) || err == nil && len(rest) != len(skipped) {
			t.Fatalf("read %v, skip %v", err, skipErr)
		}
	})
}

// TestManyDirtyKeys changes more keys in an epoch than are walked in order of change.
func TestManyDirtyKeys(t *testing.T) {
	c, log := newCounted(nil, false), &records{}
	for i := 0; i < 3*orderFrom; i += 64 {
		var ks []modelKey
		for j := range 64 {
			ks = append(ks, modelKey{win: int64(j % 3 * 100), key: fmt.Sprint("x", (i+j)%(2*orderFrom))})
		}
		if err := c.add(ks, false); err != nil {
			t.Fatal(err)
		}
	}
	want, seen := c.read(), 0
	var changes Changes
	c.table.Changes(&changes)
	for changes.Next(500) {
		seen += changes.N
	}
	if err := c.store.DirtyInto(1, log); err != nil {
		t.Fatal(err)
	}
	back := newCounted(nil, false)
	for _, p := range log.recs {
		for _, r := range p {
			if err := back.store.Restore(r[0], r[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := back.read(); !maps.Equal(want, got) || seen != len(want) {
		t.Fatalf("%d keys walked of %d; %s", seen, len(want), diff(want, got))
	}
}
