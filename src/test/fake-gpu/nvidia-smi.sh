#!/bin/sh
# Answers as nvidia-smi does, from the files beside it. What they mean, and who writes them: ../fake-gpu.ts.
state=$(dirname "$0")/state
printf '%s\n' "$*" >>"$state/calls"
[ -e "$state/hang" ] && exec sleep 3600
if [ -e "$state/fault" ]; then
  { read -r code; cat; } <"$state/fault"
  exit "$(head -n 1 "$state/fault")"
fi

want='' id='' kind=table header=1
for word in "$@"; do
  case $word in
    --query-gpu=*) kind=gpu want=${word#*=} ;;
    --query-compute-apps=*) kind=apps want=${word#*=} ;;
    --id=*) id=${word#*=} ;;
    --format=*noheader*) header=0 ;;
    -L | --list-gpus) kind=list ;;
    -x | --xml-format) kind=xml ;;
    -q | --query) [ $kind = xml ] || kind=text ;;
  esac
done

# What real processes say they hold, as long as they live: processes/PID holds "uuid, MiB, name".
held=$state/held.$$
trap 'rm -f "$held"' EXIT
sed 1d "$state/apps.csv" >"$held"
for file in "$state"/processes/*; do
  pid=${file##*/}
  stat=
  { read -r stat <"/proc/$pid/stat"; } 2>/dev/null
  # Gone: another process may have its number next time.
  case $stat in '' | *') Z '* | *') X '*) rm -f "$file" && continue ;; esac
  read -r uuid mib name <"$file"
  printf '%s, %s, %s, %s\n' "${uuid%,}" "$pid" "${mib%,}" "$name" >>"$held"
done

case $kind in
  list) cat "$state/list.txt" ;;
  xml) cat "$state/query.xml" ;;
  text) cat "$state/query.txt" ;;
  table) echo 'the fake answers queries only' && exit 2 ;;
  *)
    awk -F ', ' -v kind="$kind" -v want="$want" -v id="$id" -v header="$header" -v lost="$state/lost" -v held="$held" '
      function names(bus, index_, uuid) { return id == "" || id == index_ || id == uuid || toupper(bus) == toupper(id) }
      BEGIN {
        while ((getline line < lost) > 0) { cut = index(line, " "); gone[substr(line, 1, cut - 1)] = substr(line, cut + 1) }
        while ((getline line < held) > 0) {
          split(line, cell, ", ")
          rest = line; for (i = 0; i < 3; i++) sub(/^[^,]*, /, "", rest)
          app[++apps] = cell[1] SUBSEP cell[2] SUBSEP cell[3] SUBSEP rest
          if (cell[3] ~ /^[0-9]+$/) used[cell[1]] += cell[3]
        }
        fields = split(want, field, ",")
      }
      NR == 1 {
        for (i = 1; i <= NF; i++) column[$i] = i
        split("gpu_uuid,pid,used_memory,process_name", appColumns, ",")
        for (i = 1; i <= 4; i++) appColumn[appColumns[i]] = i
        next
      }
      { row[++rows] = $0 }
      END {
        for (i = 1; i <= fields; i++)
          if ((kind == "gpu" && !(field[i] in column)) || (kind == "apps" && !(field[i] in appColumn))) {
            printf "Field \"%s\" is not a valid field to query.\n\n", field[i]; exit 2
          }
        for (r = 1; r <= rows; r++) {
          split(row[r], cell, ", ")
          uuid = cell[column["uuid"]]; bus = cell[column["pci.bus_id"]]
          if (names(bus, cell[column["index"]], uuid) && uuid in gone) {
            short = bus; sub(/^0000/, "", short)
            printf "Unable to determine the device handle for GPU%s: %s\n", short, gone[uuid]; exit 15
          }
        }
        if (header) { for (i = 1; i <= fields; i++) printf "%s%s", field[i], (i < fields ? ", " : "\n") }
        for (r = 1; r <= rows; r++) {
          split(row[r], cell, ", ")
          uuid = cell[column["uuid"]]
          if (!names(cell[column["pci.bus_id"]], cell[column["index"]], uuid)) continue
          found = 1
          if (kind == "apps") {
            for (a = 1; a <= apps; a++) {
              split(app[a], part, SUBSEP)
              if (part[1] != uuid) continue
              for (i = 1; i <= fields; i++) printf "%s%s", part[appColumn[field[i]]], (i < fields ? ", " : "\n")
            }
            continue
          }
          for (i = 1; i <= fields; i++) {
            value = cell[column[field[i]]]
            if (field[i] == "memory.used" && value ~ /^[0-9]+$/) value += used[uuid]
            printf "%s%s", value, (i < fields ? ", " : "\n")
          }
        }
        if (!found) { print "No devices were found"; exit 6 }
      }' "$state/gpu.csv"
    ;;
esac
