package metadata

import (
	"iter"
	"maps"
)

// shardCount is how many pieces a shardMap is cut into: a change copies one piece and the array of pointers to all.
const shardCount = 256

// shardMap is a map whose copies share what did not change: 10,000 topics cost a change about 40 entries. The zero value is
// empty and reads work on it.
type shardMap[K comparable, V any] struct {
	shards *[shardCount]map[K]V
	length int
}

func (m shardMap[K, V]) get(shard uint8, key K) (V, bool) {
	if m.shards == nil {
		var zero V
		return zero, false
	}
	v, ok := m.shards[shard][key]
	return v, ok
}

// edit is a shardMap being changed: the first touch of a shard copies it, later ones don't.
type edit[K comparable, V any] struct {
	shardMap[K, V]
	own   [shardCount]bool
	begun bool
}

func (e *edit[K, V]) touch(shard uint8) {
	if !e.begun {
		e.begun = true
		fresh := new([shardCount]map[K]V)
		if e.shards != nil {
			*fresh = *e.shards
		}
		e.shards = fresh
	}
	if !e.own[shard] {
		e.own[shard] = true
		if e.shards[shard] = maps.Clone(e.shards[shard]); e.shards[shard] == nil {
			e.shards[shard] = make(map[K]V)
		}
	}
}

func (e *edit[K, V]) set(shard uint8, key K, value V) {
	e.touch(shard)
	if _, had := e.shards[shard][key]; !had {
		e.length++
	}
	e.shards[shard][key] = value
}

func (e *edit[K, V]) delete(shard uint8, key K) {
	if _, had := e.get(shard, key); !had {
		return
	}
	e.touch(shard)
	delete(e.shards[shard], key)
	e.length--
}

// all walks the map in no particular order.
func (m shardMap[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if m.shards == nil {
			return
		}
		for _, shard := range m.shards {
			for k, v := range shard {
				if !yield(k, v) {
					return
				}
			}
		}
	}
}

// shardOfID cuts by a byte of the id, which is random.
func shardOfID(id UUID) uint8 { return id[0] ^ id[15] }

// shardOfName cuts by a small hash of the name (FNV-1a folded to a byte).
func shardOfName(name string) uint8 {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return uint8(h ^ h>>8 ^ h>>16 ^ h>>24)
}
