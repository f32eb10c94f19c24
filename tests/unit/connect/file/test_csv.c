// What becomes of every line of a CSV file, read in pieces of any size.
#include "splitting.h"

#include <stdlib.h>
#include <string.h>

struct text_case {
    const char *name;
    const char *text;
    const char *records;
    const char *names;     // NULL: a,b
    const char *delimiter; // NULL: ,
    const char *quote, *escape, *comment;
    int64_t skip_lines, max_record_bytes;
};

static const struct text_case cases[] = {
    // lines
    {"lines end in a newline", "a,b\n1,2\n3,4\n", "2: [1] [2]\n3: [3] [4]\n"},
    {"lines end in CRLF", "a,b\r\n1,2\r\n3,4\r\n", "2: [1] [2]\n3: [3] [4]\n"},
    {"lines end now so, now so", "a,b\n1,2\r\n3,4\n", "2: [1] [2]\n3: [3] [4]\n"},
    {"lines end in a carriage return", "a,b\r1,2\r\r3,4\r", "2: [1] [2]\n4: [3] [4]\n"},
    {"the last line has no end", "a,b\n1,2", "2: [1] [2]\n"},
    {"the last line ends in half a CRLF", "a,b\r\n1,2\r", "2: [1] [2]\n"},
    {"the last quoted field ends in half a CRLF", "a,b\r\n1,\"2\"\r", "2: [1] [2]\n"},
    {"empty lines are nothing", "\n\na,b\n\n1,2\n\r\n\n3,4\n\n", "5: [1] [2]\n8: [3] [4]\n"},
    {"a line of blanks is no empty line", "a,b\n  \n1,2\n", "2!   \n3: [1] [2]\n"},
    {"no record", "a,b\n", ""},
    {"no record and no line end", "a,b", ""},
    {"nothing at all", "", "", ""},
    {"only empty lines", "\n\r\n\n", "", ""},
    {"a carriage return is data", "a,b\n1\r2,x\r\ry\n", "2: [1\\r2] [x\\r\\ry]\n"},
    {"a carriage return begins a field", "a,b\n\r1,\r\n", "2: [\\r1] -\n"},
    {"a carriage return begins a line", "a,b\n\rx,y\n1,2\n", "2: [\\rx] [y]\n3: [1] [2]\n"},
    // nulls and empty texts
    {"an empty field is null", "a,b\n,2\n1,\n,\n", "2: - [2]\n3: [1] -\n4: - -\n"},
    {"a quoted empty field is a text", "a,b\n\"\",2\n1,\"\"\n", "2: [] [2]\n3: [1] []\n"},
    {"NULL is a text", "a,b\nNULL,\\N\n", "2: [NULL] [\\\\N]\n"},
    {"blanks stay", "a,b\n 1 ,\t2\t\n\" \",\" x \"\n", "2: [ 1 ] [\\t2\\t]\n3: [ ] [ x ]\n"},
    {"one column", "a\n1\n\n2\n\n", "2: [1]\n3: -\n4: [2]\n5: -\n", "a"},
    {"one column with CRLF", "a\r\n1\r\n\r\n\"\"\r\n", "2: [1]\n3: -\n4: []\n", "a"},
    // quotes
    {"a delimiter in quotes", "a,b\n\"1,2\",3\n", "2: [1,2] [3]\n"},
    {"a line end in quotes", "a,b\n\"1\n2\",3\n4,5\n", "2: [1\\n2] [3]\n4: [4] [5]\n"},
    {"CRLF in quotes", "a,b\r\n\"1\r\n2\",3\r\n4,5\r\n", "2: [1\\r\\n2] [3]\n4: [4] [5]\n"},
    {"empty lines in quotes", "a,b\n\"\n\n\n\",3\n4,5\n", "2: [\\n\\n\\n] [3]\n6: [4] [5]\n"},
    {"a quote in quotes", "a,b\n\"1\"\"2\",\"\"\"\"\n", "2: [1\"2] [\"]\n"},
    {"many quotes", "a,b\n\"\"\"\"\"\",\"\"\"x\"\"\"\n", "2: [\"\"] [\"x\"]\n"},
    {"a quoted last field without line end", "a,b\n1,\"2\"", "2: [1] [2]\n"},
    {"a quote inside a plain field is data", "a,b\n5\" disk,6\"\"\n", "2: [5\" disk] [6\"\"]\n"},
    {"a quote after a blank is data", "a,b\n1, \"2\"\n", "2: [1] [ \"2\"]\n"},
    {"a comment sign in quotes is data", "a,b\n\"#\",1\n", "2: [#] [1]\n", .comment = "#"},
    // records that cannot be split
    {"too few fields", "a,b\n1\n2,3\n", "2! 1\n3: [2] [3]\n"},
    {"too many fields", "a,b\n1,2,3\n4,5\n", "2! 1,2,3\n3: [4] [5]\n"},
    {"too many fields, the last is empty", "a,b\n1,2,\n", "2! 1,2,\n"},
    {"corrupt bytes are without CRLF", "a,b\r\n1\r\n2,3\r\n", "2! 1\n3: [2] [3]\n"},
    {"something follows a closing quote", "a,b\n1,\"x\"y\n4,5\n", "2! 1,\"x\"y\n3: [4] [5]\n"},
    {"a blank follows a closing quote", "a,b\n1,\"x\" \n4,5\n", "2! 1,\"x\" \n3: [4] [5]\n"},
    {"a quote that is not closed costs its line", "a,b\n1,\"x\n2,3\n4,5\n",
     "2! 1,\"x\n3: [2] [3]\n4: [4] [5]\n"},
    {"a quote that is not closed, in CRLF lines", "a,b\r\n1,\"x\r\n2,3\r\n",
     "2! 1,\"x\n3: [2] [3]\n"},
    {"a quote that is not closed, in the last line", "a,b\n1,2\n3,\"x", "2: [1] [2]\n3! 3,\"x\n"},
    {"two of them", "a,b\n1,\"x\n2,3\n4,\"y\n5,6\n",
     "2! 1,\"x\n3: [2] [3]\n4! 4,\"y\n5: [5] [6]\n"},
    {"a stray quote meets a good one", "a,b\n1,\"x\n2,\"y\"\n3,4\n",
     "2! 1,\"x\n3: [2] [y]\n4: [3] [4]\n"},
    {"a stray quote meets an empty text", "a,b\n1,\"x\n2,\"\"\n3,4\n",
     "2! 1,\"x\n3: [2] []\n4: [3] [4]\n"},
    {"a stray quote runs over records to another one",
     "a,b,c\n1,\"x,2\n3,4,5\n6,7,8\n9,y,\"\n1,2,3\n",
     "2! 1,\"x,2\n3: [3] [4] [5]\n4: [6] [7] [8]\n5! 9,y,\"\n6: [1] [2] [3]\n", "a,b,c"},
    {"a record of several lines has too many fields", "a,b,c\n1,\"x\ny\nz\",2,3\n4,5,6\n",
     "2! 1,\"x\\ny\\nz\",2,3\n5: [4] [5] [6]\n", "a,b,c"},
    {"a record of several lines has too few fields", "a,b,c\n1,\"x\n\ny\"\n4,5,6\n",
     "2! 1,\"x\\n\\ny\"\n5: [4] [5] [6]\n", "a,b,c"},
    {"bytes that are not UTF-8", "a,b\n1,\xFF\n2,\xC3\xA9\n3,\xC3\n",
     "2! 1,\\xFF\n3: [2] [\\xC3\\xA9]\n4! 3,\\xC3\n"},
    {"bytes that are not UTF-8, in quotes", "a,b\n1,\"\n\xFF\"\n2,3\n",
     "2! 1,\"\\n\\xFF\"\n4: [2] [3]\n"},
    {"an overlong form is not UTF-8", "a,b\n1,\xC0\xAF\n", "2! 1,\\xC0\\xAF\n"},
    {"a surrogate is not UTF-8", "a,b\n1,\xED\xA0\x80\n", "2! 1,\\xED\\xA0\\x80\n"},
    {"a record of several lines is too large", "a,b\n1,\"2\n3456789012345678\"\n2,3\n",
     "2! 1,\"2\n3! 3456789012345678\"\n4: [2] [3]\n", .max_record_bytes = 18},
    // what stands before the records
    {"lines are skipped", "x\n\"y\na,b\n1,2\n", "4: [1] [2]\n", .skip_lines = 2},
    {"more lines are skipped than there are", "x\ny", "", "", .skip_lines = 5},
    {"comments", "# x\na,b\n#1,2\n3,4\n#", "4: [3] [4]\n", .comment = "#"},
    {"comments come before empty lines", "\n# x\n\na,b\n1,#2\n", "5: [1] [#2]\n", .comment = "#"},
    {"skipped lines, then comments", "#a\n#b\na,b\n1,2\n", "4: [1] [2]\n", .comment = "#",
     .skip_lines = 1},
    {"a quoted header", "\"a\"\"x\",\"b\n\"\n1,2\n", "3: [1] [2]\n", "a\"x,b\n"},
    {"a byte order mark",
     "\xEF\xBB\xBF"
     "a,b\n1,2\n",
     "2: [1] [2]\n"},
    {"a byte order mark and quotes", "\xEF\xBB\xBF\"a\",b\n1,2\n", "2: [1] [2]\n"},
    {"a byte order mark alone", "\xEF\xBB\xBF", "", ""},
    // dialects
    {"another delimiter", "a;b\n1,2;3\n", "2: [1,2] [3]\n", .delimiter = ";"},
    {"a tab", "a\tb\n1\t\t2\n\t3\n", "2! 1\\t\\t2\n3: - [3]\n", .delimiter = "\t"},
    {"a delimiter of two bytes", "a||b\n1|2||3\n|||4\n1||2||3\n",
     "2: [1|2] [3]\n3: - [|4]\n4! 1||2||3\n", .delimiter = "||"},
    {"a delimiter of two bytes and quotes", "a||b\n\"1||2\"||\"\"\n\"1\"|2\n",
     "2: [1||2] []\n3! \"1\"|2\n", .delimiter = "||"},
    {"a delimiter of two bytes, and the one that is handed on", "a::b\n1,2::\"\n", "2! 1,2::\"\n",
     .delimiter = "::"},
    {"a delimiter beyond ASCII",
     "a\xC2\xA7"
     "b\n1\xC2\xA7\xC2\xA6\n",
     "2: [1] [\\xC2\\xA6]\n", .delimiter = "\xC2\xA7"},
    {"a letter as delimiter", "axb\n1x2,3\n", "2: [1] [2,3]\n", .delimiter = "x"},
    {"another quote", "a,b\n'1,2','it''s \"x\"'\n\"3\",4\n",
     "2: [1,2] [it's \"x\"]\n3: [\"3\"] [4]\n", .quote = "'", .escape = "'"},
    {"no quote", "a,b\n\"1,\"2\"\n", "2: [\"1] [\"2\"]\n", .quote = "", .escape = ""},
    {"no quote and a line end", "a,b\n\"1,2\n3\",4\n", "2: [\"1] [2]\n3: [3\"] [4]\n", .quote = "",
     .escape = ""},
    {"another escape", "a,b\n\"1\\\"2\",\"\\\\\"\n", "2: [1\"2] [\\\\]\n", .escape = "\\"},
    {"an escape before something else is data", "a,b\n\"1\\n\",\\\n", "2: [1\\\\n] [\\\\]\n",
     .escape = "\\"},
    {"a doubled quote beside another escape", "a,b\n\"1\"\"2\",\"\\\"\"\"\"\n",
     "2: [1\"2] [\"\"]\n", .escape = "\\"},
    {"an escape at the end of all", "a,b\n1,\"x\\", "2! 1,\"x\\\\\n", .escape = "\\"},
    {"no escape", "a,b\n\"1\",\"2\"\n\"1\"\"2\",3\n", "2: [1] [2]\n3! \"1\"\"2\",3\n",
     .escape = ""},
    {"a letter as quote", "a,b\nq1,2q,q\nq\n3,4\n", "2: [1,2] [\\n]\n4: [3] [4]\n", .quote = "q",
     .escape = "q"},
};

static void set_case(struct splitting *splitting, const struct text_case *test)
{
    splitting->delimiter = test->delimiter ? test->delimiter : ",";
    splitting->options.quote = test->quote ? test->quote : "\"";
    splitting->options.escape = test->escape ? test->escape : "\"";
    splitting->options.comment = test->comment ? test->comment : "";
    splitting->options.skip_lines = test->skip_lines;
    splitting->options.max_record_bytes = test->max_record_bytes;
}

static void every_line_becomes_what_it_is_in_pieces_of_any_size(void **state)
{
    struct splitting splitting;

    (void)state;
    splitting_init(&splitting);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        set_case(&splitting, &cases[i]);
        splitting_write(&splitting, cases[i].text, strlen(cases[i].text));
        for (size_t chunk = 0; chunk <= strlen(cases[i].text); chunk++) {
            if (splitting_run(&splitting, chunk) != SL_OK)
                fail_msg("%s (%zu bytes at once): %s", cases[i].name, chunk, splitting.err.message);
            if (strcmp(splitting.names.text, cases[i].names ? cases[i].names : "a,b") != 0 ||
                strcmp(splitting.records.text, cases[i].records) != 0)
                fail_msg("%s (%zu bytes at once):\n%s\n%s", cases[i].name, chunk,
                         splitting.names.text, splitting.records.text);
        }
    }
    splitting_clear(&splitting);
}

static void a_nul_makes_its_record_corrupt(void **state)
{
    static const char text[] = "a,b\n1,\0\n2,\"x\0\"\n3,4\n";
    struct splitting splitting;

    (void)state;
    splitting_init(&splitting);
    splitting_write(&splitting, text, sizeof text - 1);
    for (size_t chunk = 0; chunk < sizeof text; chunk++) {
        assert_int_equal(splitting_run(&splitting, chunk), SL_OK);
        assert_string_equal(splitting.records.text, "2! 1,\\x00\n3! 2,\"x\\x00\"\n4: [3] [4]\n");
        assert_int_equal(splitting.lane.records, 3);
        assert_int_equal(splitting.lane.corrupt, 2);
        assert_int_equal(splitting.lane.position_sum, 2 + 3 + 4);
    }
    splitting_clear(&splitting);
}

// Longer than what is looked at sixteen bytes at a time, and than a lane of it can count.
static void long_lines_are_counted_rightly(void **state)
{
    static const size_t counts[] = {15, 16, 17, 255, 256, 4079, 4080, 4081, 9000};
    struct splitting splitting;
    struct sl_buf text = SL_BUF_INIT;

    (void)state;
    splitting_init(&splitting);
    splitting.options.has_header = false;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        sl_buf_reset(&text);
        for (int line = 0; line < 2; line++) {
            for (size_t k = 0; k < counts[i] - 1; k++)
                sl_buf_add_char(&text, ',');
            sl_buf_add(&text, line ? ",\n" : "\n");
        }
        splitting_write(&splitting, text.text, text.length);
        assert_int_equal(splitting_run(&splitting, 0), SL_OK);
        assert_int_equal(splitting.lane.records, 2);
        assert_int_equal(splitting.lane.corrupt, 1);
    }
    sl_buf_clear(&text);
    splitting_clear(&splitting);
}

static void names_come_from_the_options_or_are_counted(void **state)
{
    static const char *names[] = {"x", "y"};
    static const struct {
        const char *text;
        size_t given;
        const char *names, *records;
    } tests[] = {
        {"1,2\n3,4\n", 2, "x,y", "1: [1] [2]\n2: [3] [4]\n"},
        {"1,2\n3,4,5\n", 0, "column1,column2", "1: [1] [2]\n2! 3,4,5\n"},
        {"\n\"1\n2\",3\n", 0, "column1,column2", "2: [1\\n2] [3]\n"},
        {"1,\"2\n3,4\n", 0, "column1,column2", "1! 1,\"2\n2: [3] [4]\n"},
        {"\n\n1\n", 0, "column1", "1: -\n2: -\n3: [1]\n"},
        {"", 0, "", ""},
        {"", 2, "x,y", ""},
    };
    struct splitting splitting;

    (void)state;
    splitting_init(&splitting);
    splitting.options.has_header = false;
    for (size_t i = 0; i < COUNT_OF(tests); i++) {
        splitting.options.columns = (struct sl_strs){names, tests[i].given};
        splitting_write(&splitting, tests[i].text, strlen(tests[i].text));
        for (size_t chunk = 0; chunk <= strlen(tests[i].text); chunk++) {
            assert_int_equal(splitting_run(&splitting, chunk), SL_OK);
            assert_string_equal(splitting.names.text, tests[i].names);
            assert_string_equal(splitting.records.text, tests[i].records);
        }
    }
    splitting_clear(&splitting);
}

static void a_file_that_cannot_be_split_fails(void **state)
{
    static const struct {
        const char *text, *delimiter;
        int64_t max_record_bytes;
        int code;
        const char *message;
    } tests[] = {
        {"a,a\n1,2\n", ",", 0, SL_E_SOURCE_COLUMNS, "columns 1 and 2 have one name, 'a'"},
        {"ab,c,AB\n", ",", 0, SL_E_SOURCE_COLUMNS,
         "columns 1 and 3 have one name but for its case, 'ab' and 'AB'"},
        {"a,b,\n1,2,\n", ",", 0, SL_E_SOURCE_COLUMNS, "column 3 has no name"},
        {"a,\"\"\n", ",", 0, SL_E_SOURCE_COLUMNS, "column 2 has no name"},
        {"a,_Position\n", ",", 0, SL_E_SOURCE_COLUMNS, "the column name '_Position' is reserved"},
        {"a,\"b\n1,2\n", ",", 0, SL_E_SOURCE_FILE, "the header in line 1 cannot be read"},
        {"\na,\xFF\n1,2\n", ",", 0, SL_E_SOURCE_FILE, "the header in line 2 cannot be read"},
        {"a,b\n1,2\n012345678901234567890,2\n", ",", 20, SL_E_SOURCE_FILE,
         "line 3 is longer than 20 bytes"},
        {"012345678901234567890,2\n", ",", 20, SL_E_SOURCE_FILE,
         "the header in line 1 cannot be read"},
        {"a,b\n", "\"", 0, SL_E_VALUE_INVALID,
         "delimiter '\"', quote '\"' and escape '\"' cannot be told apart"},
    };
    struct splitting splitting;

    (void)state;
    splitting_init(&splitting);
    for (size_t i = 0; i < COUNT_OF(tests); i++) {
        splitting.delimiter = tests[i].delimiter;
        splitting.options.max_record_bytes = tests[i].max_record_bytes;
        splitting_write(&splitting, tests[i].text, strlen(tests[i].text));
        for (size_t chunk = 0; chunk <= strlen(tests[i].text); chunk++) {
            assert_int_equal(splitting_run(&splitting, chunk), tests[i].code);
            assert_string_equal(splitting.err.message, tests[i].message);
        }
    }
    splitting_clear(&splitting);
}

// --- what was written is what is read

struct random {
    uint64_t state;
};

static uint32_t draw(struct random *random, uint32_t below)
{
    random->state = random->state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(random->state >> 33) % below;
}

static const char *const pieces[] = {",", "\"", "\r",       "\n", "\r\n", "x", " ",
                                     "#", "\\", "\xC3\xA9", "0",  "ab",   "'", ";"};

// A field's text, shown as the splitting shows it, and how it is written.
static void add_field(struct random *random, struct sl_buf *file, struct sl_buf *shown, int *lines)
{
    struct sl_buf text = SL_BUF_INIT;
    bool needs_quotes = false;

    for (uint32_t count = draw(random, 4); count > 0; count--)
        sl_buf_add(&text, pieces[draw(random, COUNT_OF(pieces))]);
    needs_quotes = strpbrk(text.text, ",\r\n") || text.text[0] == '"' || draw(random, 4) == 0;
    if (!needs_quotes && text.length == 0) {
        sl_buf_add(shown, " -");
        sl_buf_clear(&text);
        return;
    }
    sl_buf_add(file, needs_quotes ? "\"" : "");
    sl_buf_add(shown, " [");
    for (const char *at = text.text; *at; at++) {
        if (needs_quotes && *at == '"')
            sl_buf_add_char(file, '"');
        sl_buf_add_char(file, *at);
        *lines += *at == '\n';
        if (*at == '\n' || *at == '\r')
            sl_buf_add(shown, *at == '\n' ? "\\n" : "\\r");
        else if (*at == '\\')
            sl_buf_add(shown, "\\\\");
        else if ((unsigned char)*at >= 0x80)
            sl_buf_addf(shown, "\\x%02X", (unsigned char)*at);
        else
            sl_buf_add_char(shown, *at);
    }
    sl_buf_add(file, needs_quotes ? "\"" : "");
    sl_buf_add(shown, "]");
    sl_buf_clear(&text);
}

static void what_a_writer_wrote_is_what_is_read(void **state)
{
    struct random random = {20260101};
    struct splitting splitting;
    struct sl_buf file = SL_BUF_INIT;
    struct sl_buf shown = SL_BUF_INIT;

    (void)state;
    splitting_init(&splitting);
    for (int round = 0; round < 300; round++) {
        int line = 2;
        sl_buf_reset(&file);
        sl_buf_reset(&shown);
        sl_buf_add(&file, "a,b,c\n");
        for (uint32_t records = draw(&random, 8); records > 0; records--) {
            sl_buf_addf(&shown, "%d:", line);
            for (int i = 0; i < 3; i++) {
                sl_buf_add(&file, i ? "," : "");
                add_field(&random, &file, &shown, &line);
            }
            sl_buf_add(&file, draw(&random, 2) ? "\n" : "\r\n");
            sl_buf_add(&shown, "\n");
            line++;
        }
        splitting_write(&splitting, file.text, file.length);
        assert_int_equal(splitting_run(&splitting, draw(&random, 9)), SL_OK);
        assert_string_equal(splitting.records.text, shown.text);
    }
    sl_buf_clear(&file);
    sl_buf_clear(&shown);
    splitting_clear(&splitting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_becomes_what_it_is_in_pieces_of_any_size),
        cmocka_unit_test(a_nul_makes_its_record_corrupt),
        cmocka_unit_test(long_lines_are_counted_rightly),
        cmocka_unit_test(names_come_from_the_options_or_are_counted),
        cmocka_unit_test(a_file_that_cannot_be_split_fails),
        cmocka_unit_test(what_a_writer_wrote_is_what_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
