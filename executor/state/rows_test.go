package state

import (
	"errors"
	"fmt"
	"math/rand"
	"sync"
	"testing"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

var accountColumns = types.Columns{
	{Name: "id", Type: types.Of(types.BigInt)}, {Name: "owner", Type: types.Of(types.String)}, {Name: "balance", Type: types.Of(types.BigInt)},
}

func accounts(t testing.TB, s *Store) *RowTable {
	rows, err := s.RowTable(RowLayout{Name: "accounts", Columns: accountColumns, Key: []int{0}, WindowColumn: -1})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// put sets the balance of accounts; under the chunk lock.
func put(rows *RowTable, k *Keys, ids, balances []int64) error {
	cols := []*vector.Vector{vector.New(accountColumns[0].Type, 0), vector.New(accountColumns[1].Type, 0), vector.New(accountColumns[2].Type, 0)}
	var sel []uint16
	for i, id := range ids {
		cols[0].AppendInt(id)
		cols[1].AppendString(fmt.Sprintf("owner %d", id))
		cols[2].AppendInt(balances[i])
		sel = append(sel, uint16(i))
	}
	rows.Encode(k, cols, sel)
	for i := range ids {
		if err := rows.Set(k, i, cols, i, 7); err != nil {
			return err
		}
	}
	return nil
}

// TestSnapshotsUnderWrites moves money between accounts, a transfer an epoch, and lets readers see that the sum never changes.
func TestSnapshotsUnderWrites(t *testing.T) {
	const n, epochs = 500, 400
	rnd := seed(t)
	s := NewStore(Options{})
	rows := accounts(t, s)
	var k Keys
	ids, balances := make([]int64, n), make([]int64, n)
	for i := range ids {
		ids[i], balances[i] = int64(i), 100
	}
	if err := put(rows, &k, ids, balances); err != nil {
		t.Fatal(err)
	}
	if err := s.DirtyInto(1, nil); err != nil {
		t.Fatal(err)
	}
	s.Committed(1, nil)
	stop, started := make(chan struct{}), make(chan struct{}, 2)
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() { readSums(t, s, rows, n, stop, started) })
	}
	<-started
	<-started
	transfer := func(epoch uint64) error {
		for range 1 + rnd.Intn(20) {
			a, b, x := rnd.Intn(n), rnd.Intn(n), int64(rnd.Intn(50))
			if a == b {
				continue
			}
			balances[a] -= x
			balances[b] += x
			s.Lock()
			err := put(rows, &k, []int64{int64(a), int64(b)}, []int64{balances[a], balances[b]})
			s.Unlock()
			if err != nil {
				return err
			}
		}
		return s.DirtyInto(epoch, nil)
	}
	for e := uint64(2); e < epochs; e++ {
		if err := transfer(e); err != nil {
			t.Fatal(err)
		}
		if e > 2 { // the epoch before is durable only now
			s.Committed(e-1, nil)
		}
	}
	close(stop)
	readers.Wait()
	s.Close()
	if err := s.Pin().Scan(rows, []int{0}, func(*vector.Chunk) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Fatalf("a closed store answers %v", err)
	}
}

func readSums(t *testing.T, s *Store, rows *RowTable, n int, stop <-chan struct{}, started chan<- struct{}) {
	rnd := rand.New(rand.NewSource(1))
	first := true
	for {
		snap := s.Pin()
		sum, count := int64(0), 0
		err := snap.Scan(rows, []int{2}, func(c *vector.Chunk) error {
			for _, x := range c.Cols[0].I {
				sum += x
				count++
			}
			return nil
		})
		if err != nil || sum != int64(n)*100 || count != n {
			t.Errorf("epoch %d: %d accounts hold %d (%v)", snap.Epoch(), count, sum, err)
		}
		id := int64(rnd.Intn(n))
		out := &vector.Chunk{Cols: []*vector.Vector{vector.New(types.Of(types.String), 0)}}
		if ok, err := snap.Get(rows, []vector.Datum{vector.IntOf(id)}, []int{1}, out); !ok || err != nil || string(out.Cols[0].Bytes(0)) != fmt.Sprintf("owner %d", id) {
			t.Errorf("account %d: %v %v", id, ok, err)
		}
		snap.Release()
		if first {
			started <- struct{}{}
			first = false
		}
		select {
		case <-stop:
			return
		default:
		}
	}
}

// TestEveryTypeInRowsAndKeys stores rows of every type by keys of every type and reads them back.
func TestEveryTypeInRowsAndKeys(t *testing.T) {
	dec, free := types.DecimalOf(10, 2), types.Of(types.Decimal)
	typ := types.Of
	text := typ(types.String)
	values := []vector.Datum{
		vector.BoolOf(true),
		{Type: typ(types.SmallInt), I: -3},
		{Type: typ(types.Int), I: 1 << 30},
		vector.IntOf(-1 << 62),
		{Type: typ(types.Real), F: 1.5},
		vector.DoubleOf(-2.25),
		{Type: dec, D: vector.FromInt64(-1234), Scale: 2},
		{Type: free, D: vector.FromInt64(15), Scale: 1},
		vector.StringOf("naïve"),
		{Type: typ(types.Bytes), S: "\x00\xff"},
		{Type: typ(types.Timestamp), I: 5},
		{Type: typ(types.Date), I: -5},
		{Type: typ(types.Time), I: 50},
		{Type: typ(types.Interval), D: vector.Int128{Hi: 1 << 32, Lo: 9}},
		{Type: types.ArrayOf(text), Kids: []vector.Datum{vector.StringOf("a"), vector.NullOf(text)}},
		{Type: types.MapOf(text, typ(types.BigInt)), Kids: []vector.Datum{vector.StringOf("k"), vector.IntOf(1)}},
		{Type: types.StructOf(types.Field{Name: "f", Type: text}), Kids: []vector.Datum{vector.StringOf("x")}},
	}
	for key := range values {
		s := NewStore(Options{})
		l := RowLayout{Name: "t", Key: []int{key, 8}, WindowColumn: -1}
		var cols []*vector.Vector
		for i, v := range values {
			l.Columns = append(l.Columns, types.Column{Name: fmt.Sprint(i), Type: v.Type})
			col := vector.New(v.Type, 0)
			vector.AppendDatum(col, v)
			cols = append(cols, col)
		}
		rows, err := s.RowTable(l)
		if err != nil {
			t.Fatal(err)
		}
		var k Keys
		rows.Encode(&k, cols, []uint16{0})
		if err := rows.Set(&k, 0, cols, 0, 1); err != nil {
			t.Fatal(err)
		}
		log := &records{}
		if err := s.DirtyInto(1, log); err != nil {
			t.Fatal(err)
		}
		back := NewStore(Options{})
		again, _ := back.RowTable(l)
		for _, part := range log.recs {
			for _, r := range part {
				if err := back.Restore(r[0], r[1]); err != nil {
					t.Fatal(err)
				}
			}
		}
		out := &vector.Chunk{}
		var all []int
		for i, v := range values {
			all = append(all, i)
			out.Cols = append(out.Cols, vector.New(v.Type, 0))
		}
		snap := back.Pin()
		ok, err := snap.Get(again, []vector.Datum{values[key], values[8]}, all, out)
		snap.Release()
		if !ok || err != nil {
			t.Fatalf("key of type %d: %v %v", values[key].Type.ID, ok, err)
		}
		for i := range values {
			if !vector.Equal(out.Cols[i], 0, cols[i], 0) {
				t.Errorf("column of type %d: %v, not %v", values[i].Type.ID, vector.DatumAt(out.Cols[i], 0), values[i])
			}
		}
		if ok, _ := snap.Get(again, []vector.Datum{vector.NullOf(values[key].Type), values[8]}, all, out); ok {
			t.Error("a null key was found")
		}
	}
}
