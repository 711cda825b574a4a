package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// keys is one more than the last API key kmsg knows.
const keys = int16(95)

// everyRequest calls f with an empty request of every API and version kmsg knows.
func everyRequest(f func(key, version int16, request kmsg.Request)) {
	for key := range keys {
		if r := kmsg.RequestForKey(key); r != nil {
			for version := range r.MaxVersion() + 1 {
				r := kmsg.RequestForKey(key)
				r.SetVersion(version)
				f(key, version, r)
			}
		}
	}
}

// everyVersion is a table of all kmsg knows.
func everyVersion() *Versions {
	rows := make([]API, 0, keys)
	for key := range keys {
		if r := kmsg.RequestForKey(key); r != nil {
			rows = append(rows, API{Key: key, Max: r.MaxVersion(), Serve: func(_ context.Context, r *Request) { r.ReplyNothing() }})
		}
	}
	return NewVersions(rows)
}

func TestKeysAreAll(t *testing.T) {
	for key := keys; key < 1000; key++ {
		if kmsg.RequestForKey(key) != nil {
			t.Errorf("kmsg knows API key %d", key)
		}
	}
}

// filler fills structures at random.
type filler struct{ *rand.Rand }

func (f filler) fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(f.Int64() >> f.IntN(64) << (64 - v.Type().Bits()) >> (64 - v.Type().Bits()))
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(uint64(f.IntN(256)))
	case reflect.Float64:
		v.SetFloat(f.Float64())
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.String:
		v.SetString(strings.Repeat("s", f.length()))
	case reflect.Pointer:
		if f.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem())
		}
	case reflect.Slice:
		if f.IntN(8) > 0 {
			n := f.length()
			if v.Type().Elem().Kind() == reflect.Struct {
				n = f.IntN(4)
			}
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Struct:
		f.fillStruct(v)
	default:
		panic(v.Type())
	}
}

// length is mostly short, at times one whose varint has two bytes.
func (f filler) length() int {
	if f.IntN(20) == 0 {
		return 120 + f.IntN(20)
	}
	return f.IntN(4)
}

func (f filler) fillStruct(v reflect.Value) {
	for i := range v.NumField() {
		switch field := v.Field(i); v.Type().Field(i).Name {
		case versionField:
			if v.Addr().Type().Implements(reflect.TypeFor[kmsg.Request]()) {
				continue
			}
			f.fill(field)
		case tagsField:
			for range f.IntN(8) / 6 * f.IntN(4) {
				field.Addr().Interface().(*kmsg.Tags).Set(100+f.Uint32N(1000), make([]byte, f.length()))
			}
		default:
			if f.IntN(10) > 0 {
				f.fill(field)
			}
		}
	}
}

// TestScanOfEveryRequest: whatever kmsg writes is scanned to its last byte, and not one that is cut short.
func TestScanOfEveryRequest(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := filler{Rand: rand.New(rand.NewPCG(seed, 0))}
	known := everyVersion()
	everyRequest(func(key, version int16, request kmsg.Request) {
		name := fmt.Sprintf("%s v%d", kmsg.NameForKey(key), version)
		l := known.layout(key, version)
		for range 20 {
			random.fill(reflect.ValueOf(request).Elem())
			body := request.AppendTo(nil)
			s := scanner{rest: body, flexible: l.flexible, most: decodedMax}
			if s.structure(&l.layout); s.err != nil || len(s.rest) > 0 {
				t.Fatalf("%s: %v, %d bytes left of %d: %x", name, s.err, len(s.rest), len(body), body)
			}
			if len(body) == 0 {
				continue
			}
			short := body[:random.IntN(len(body))]
			if _, err := l.scan(short, decodedMax); err == nil {
				t.Fatalf("%s: %d of %d bytes pass: %x", name, len(short), len(body), short)
			}
			if l.least > len(body) {
				t.Fatalf("%s: %d bytes, but at least %d are said to be needed", name, len(body), l.least)
			}
			damaged := slices.Clone(body)
			damaged[random.IntN(len(body))] ^= 1 << random.IntN(8)
			agree(t, known, key, version, damaged)
		}
	})
}

// comparedMax is the largest body of which kmsg is asked.
const comparedMax = 64 << 10

// agree checks that the scan and kmsg are of one mind on a body. kmsg isn't asked about numbers of tags that it believes, so where
// the scan stops at a number of elements, a scan that allows as many elements as kmsg does must stop too.
func agree(t *testing.T, known *Versions, key, version int16, body []byte) {
	t.Helper()
	l := known.layout(key, version)
	memory, scanned := l.scan(body, decodedMax)
	if errors.Is(scanned, errElements) {
		loose := requestLayout{layout: *loosened(&l.layout), flexible: l.flexible}
		if _, scanned = loose.scan(body, decodedMax); scanned == nil {
			t.Fatalf("%s v%d has elements of fewer bytes than is thought: %x", kmsg.NameForKey(key), version, body)
		}
	}
	if errors.Is(scanned, errTagCount) || errors.Is(scanned, errTooMany) || len(body) > comparedMax {
		return
	}
	r := kmsg.RequestForKey(key)
	r.SetVersion(version)
	began := time.Now()
	decoded := r.ReadFrom(body)
	if scanned != nil && decoded == nil {
		t.Fatalf("%s v%d decodes, but the scan says %v: %x", kmsg.NameForKey(key), version, scanned, body)
	}
	if took := time.Since(began); took > time.Second {
		t.Fatalf("%s v%d took %v and %d bytes to decode, the scan says %v: %x", kmsg.NameForKey(key), version, took, memory, scanned, body)
	}
}

// loosened is a layout whose elements are thought to take a byte at least.
func loosened(l *layout) *layout {
	loose := *l
	loose.least = 1
	loosen := func(fields []field) []field {
		fields = slices.Clone(fields)
		for i := range fields {
			if elem := fields[i].elem; elem != nil {
				fields[i].elem = loosened(elem)
			}
		}
		return fields
	}
	loose.fields, loose.tags = loosen(l.fields), loosen(l.tags)
	return &loose
}

// TestHostileTagCounts: a number of tags that isn't there is refused wherever tags are, without going through them.
func TestHostileTagCounts(t *testing.T) {
	tried := 0
	everyRequest(func(key, version int16, request kmsg.Request) {
		if !request.IsFlexible() {
			return
		}
		l := deriveLayout(key, version)
		body := request.AppendTo(nil)
		hostile := append(binary.AppendUvarint(body[:len(body)-1:len(body)-1], 1<<32-1), 0, 0, 0)
		began := time.Now()
		_, err := l.scan(hostile, decodedMax)
		if took := time.Since(began); !errors.Is(err, errTagCount) || took > time.Second {
			t.Errorf("%s v%d: %v after %v", kmsg.NameForKey(key), version, err, took)
		}
		tried++
	})
	if tried < 100 {
		t.Errorf("only %d flexible requests", tried)
	}
}

// TestDecodedMemoryCounts: what a request was decoded to is the listener's memory until the request is done.
func TestDecodedMemoryCounts(t *testing.T) {
	const limit = 1000
	from := newBudget(limit, 100)
	b := &Buffer{budget: from, weight: 100, large: true}
	b.refs.Store(1)
	if err := from.take(t.Context(), b.weight, b.large, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := b.widen(t.Context(), from, 1<<30, time.Hour); err != nil { // as much as one can have, rather than never
		t.Fatal(err)
	}
	if b.weight != from.most || from.freeForLarge.TryAcquire(1) {
		t.Fatalf("%d of %d are taken", b.weight, from.most)
	}
	if b.Release(); !from.free.TryAcquire(limit) || !from.freeForLarge.TryAcquire(from.most) {
		t.Fatal("not all memory came back")
	}
}

// TestScanRefuses tells what is refused within a request.
func TestScanRefuses(t *testing.T) {
	fetch := kmsg.NewPtrFetchRequest()
	fetch.Version = 17
	whole := fetch.AppendTo(nil)
	tagged := func(tags ...byte) []byte { return append(whole[:len(whole)-1:len(whole)-1], tags...) }
	names := func(n int) []byte { // CreatePartitions of n topics without a name
		return append(binary.AppendUvarint(nil, uint64(n+1)), slices.Repeat([]byte{1, 0, 0, 0, 0, 0, 0}, n)...)
	}
	for _, c := range []struct {
		name         string
		key, version int16
		body         []byte
		want         error
	}{
		{"whole", fetchKey, 17, whole, nil},
		{"a tag kmsg doesn't know", fetchKey, 17, tagged(1, 99, 2, 'a', 'b'), nil},
		{"known tag", fetchKey, 17, tagged(1, 1, 13, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0), nil},
		{"known tag, a hostile number of tags in it", fetchKey, 17, tagged(1, 1, 17, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 15), errTagCount},
		{"known tag that is too short", fetchKey, 17, tagged(1, 1, 4, 0, 0, 0, 1), errCutShort},
		{"tag beyond the end", fetchKey, 17, tagged(1, 99, 3, 'a', 'b'), errCutShort},
		{"varint of six bytes", fetchKey, 17, tagged(0x80, 0x80, 0x80, 0x80, 0x80, 0), errCutShort},
		{"more elements than bytes for them", 37, 3, append(binary.AppendUvarint(nil, 10), make([]byte, 20)...), errElements},
		{"many elements", 37, 3, append(names(100_000), 0, 0, 0, 0, 0, 0), nil},
		{"too many elements", 37, 3, names(2_000_000), errTooMany},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := deriveLayout(c.key, c.version).scan(c.body, decodedMax); !errors.Is(err, c.want) {
				t.Fatalf("%v, not %v", err, c.want)
			}
		})
	}
}

// TestScanTellsTheMemory: what decoding takes is about what the scan says, where a stranger gets most for his bytes.
func TestScanTellsTheMemory(t *testing.T) {
	tags := binary.AppendUvarint(nil, 300_000)
	for i := range uint64(300_000) {
		tags = append(binary.AppendUvarint(tags, i+100), 0)
	}
	create := append(binary.AppendUvarint(nil, 100_001), slices.Repeat([]byte{1, 0, 0, 0, 1, 0, 1, 1, 1, 0}, 100_000)...)
	tagged := append(binary.AppendUvarint(nil, 100_001), slices.Repeat([]byte{1, 1, 99, 0}, 100_000)...)
	for _, c := range []struct {
		name         string
		key, version int16
		body         []byte
	}{
		{"tags", 18, 3, append([]byte{2, 'a', 2, 'b'}, tags...)},
		{"structures", 19, 7, append(create, 0, 0, 0, 0, 0, 0)},
		{"structures with tags", 75, 0, append(tagged, 0, 0, 0, 0, 0xff, 0)},
		{"strings", 10, 4, append(append(binary.AppendUvarint([]byte{0}, 200_001), slices.Repeat([]byte{2, 'x'}, 200_000)...), 0)},
		{"empty topics", 0, 13, append(append([]byte{0, 0, 0, 0, 0, 0, 0}, binary.AppendUvarint(nil, 100_001)...), make([]byte, 1_800_001)...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			memory, err := deriveLayout(c.key, c.version).scan(c.body, 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			r := kmsg.RequestForKey(c.key)
			r.SetVersion(c.version)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			if err := r.ReadFrom(c.body); err != nil {
				t.Fatal(err)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			took := int(after.HeapAlloc - before.HeapAlloc)
			runtime.KeepAlive(r)
			if slack := 1 << 20; took > memory+slack || took < memory/2-slack {
				t.Fatalf("%d bytes take %d, the scan says %d", len(c.body), took, memory)
			}
		})
	}
}

// typicalProduce is a request of ten partitions of two topics.
func typicalProduce() *kmsg.ProduceRequest {
	r := kmsg.NewPtrProduceRequest()
	r.Version = 11
	for range 2 {
		topic := kmsg.NewProduceRequestTopic()
		topic.Topic = "orders-by-customer"
		for i := range int32(5) {
			topic.Partitions = append(topic.Partitions, kmsg.ProduceRequestTopicPartition{Partition: i, Records: make([]byte, 500)})
		}
		r.Topics = append(r.Topics, topic)
	}
	return r
}

// typicalFetch asks for 100 partitions.
func typicalFetch() *kmsg.FetchRequest {
	r := kmsg.NewPtrFetchRequest()
	r.Version = 17
	topic := kmsg.NewFetchRequestTopic()
	for i := range int32(100) {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition = i
		topic.Partitions = append(topic.Partitions, p)
	}
	r.Topics = append(r.Topics, topic)
	return r
}

func BenchmarkScan(b *testing.B) {
	for _, r := range []kmsg.Request{typicalProduce(), typicalFetch()} {
		body := r.AppendTo(nil)
		l := deriveLayout(r.Key(), r.GetVersion())
		b.Run(kmsg.NameForKey(r.Key())+"/scan", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.scan(body, decodedMax); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(kmsg.NameForKey(r.Key())+"/decode", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := r.ReadFrom(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("derive", func(b *testing.B) {
		for b.Loop() {
			deriveLayout(fetchKey, 17)
		}
	})
}

// FuzzScan: whatever kmsg decodes passes the scan, unless it takes too much memory, and whatever passes is decoded at once.
func FuzzScan(f *testing.F) {
	random := filler{Rand: rand.New(rand.NewPCG(1, 1))}
	everyRequest(func(key, version int16, request kmsg.Request) {
		random.fill(reflect.ValueOf(request).Elem())
		f.Add(key, version, request.AppendTo(nil))
	})
	known := everyVersion()
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		if r := kmsg.RequestForKey(key); r != nil && version >= 0 && version <= r.MaxVersion() {
			agree(t, known, key, version, body)
		}
	})
}

// FuzzScanProduce is FuzzScan on the request that arrives most often.
func FuzzScanProduce(f *testing.F) {
	r := kmsg.NewPtrProduceRequest()
	r.Topics = []kmsg.ProduceRequestTopic{{Topic: "t", Partitions: []kmsg.ProduceRequestTopicPartition{{Records: []byte("r")}}}}
	for version := range r.MaxVersion() + 1 {
		r.SetVersion(version)
		f.Add(version, r.AppendTo(nil))
	}
	known := everyVersion()
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		if version >= 0 && version <= r.MaxVersion() {
			agree(t, known, produceKey, version, body)
		}
	})
}
